import { strictEqual } from 'node:assert';
import type { Fault } from '../fault.js';

/** As docs/operations.md says. */
const OPTIONS = { preparedStatements: false, sweep: false } as const;

/** PgBouncer, which shares connections between transactions. */
export const POOLERS: readonly Fault[] = [
  {
    name: 'pgbouncer-backends-killed',
    title: 'PgBouncer (transaction mode): backends behind it killed, ten times',
    hasPooler: true,
    options: OPTIONS,
    async run(world) {
      let killed = 0;
      for (let count = 0; count < 10; count++) {
        killed += await world.kill();
        await world.during(100);
      }
      strictEqual(killed > 0, true);
    },
  },
  {
    name: 'pgbouncer-restarted',
    title: 'PgBouncer ended, and started again',
    hasPooler: true,
    options: OPTIONS,
    async run(world) {
      await world.pooler?.stop();
      await world.during(1_500);
      await world.pooler?.start();
    },
  },
];
