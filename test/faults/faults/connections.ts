import { strictEqual } from 'node:assert';
import type { Fault } from '../fault.js';
import type { World } from '../world.js';

/** Backends that work on something, or wait to. */
const BUSY = `state = 'active'`;

/** Connections that end, or stand still. */
export const CONNECTIONS: readonly Fault[] = [
  {
    name: 'idle-killed',
    title: 'idle connections killed, ten times',
    async run(world) {
      let killed = 0;
      for (let count = 0; count < 10; count++) {
        killed += await world.kill(`state = 'idle'`);
        await world.during(100);
      }
      strictEqual(killed > 0, true, 'no connection was idle');
    },
  },
  {
    name: 'save-killed',
    title: 'backends killed in mid-save, five times',
    async run(world) {
      for (let count = 0; count < 5; count++) {
        await whileSaving(world, async () => strictEqual((await world.kill(BUSY)) > 0, true));
        await world.during(100);
      }
    },
  },
  {
    name: 'backend-frozen',
    title: 'a backend frozen in mid-save, thawed after newer writes',
    async run(world) {
      const frozen = await whileSaving(world, async () => {
        const [pid] = (await world.pids(BUSY)) as [number];
        process.kill(pid, 'SIGSTOP');
        return pid;
      });
      const { acknowledged } = world.load.ledger;
      await world.during(2_500);
      const newer = world.load.ledger.acknowledged - acknowledged;
      process.kill(frozen, 'SIGCONT');
      strictEqual(newer > 0, true, 'nothing was acknowledged while the backend was frozen');
    },
  },
];

/** Does something while a backend of the application is surely in the middle of a save. */
async function whileSaving<Result>(world: World, act: () => Promise<Result>): Promise<Result> {
  const client = await world.cluster.connect(world.database);
  try {
    // Lets nobody write.
    await client.query('begin; lock table sessions in share mode');
    while ((await world.pids(`${BUSY} and wait_event_type = 'Lock'`)).length === 0) await world.during(5);
    return await act();
  } finally {
    await client.query('rollback');
    await client.end();
  }
}
