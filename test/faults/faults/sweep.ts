import { strictEqual } from 'node:assert';
import type { Fault } from '../fault.js';
import type { World } from '../world.js';

const EXPIRED = 1_000_000;
const SWEEPERS = 4;
/** Rows a second, at most: docs/operations.md. */
const PACE = 5_000;
const WATCHED = 12_000;

/** The removal of what has expired. */
export const SWEEP: readonly Fault[] = [
  {
    name: 'sweep',
    title: 'four applications that sweep, on a million expired rows',
    options: { sweep: { every: '1s' } },
    async run(world) {
      await world.query(`
        insert into sessions (id, secret_hash, generation, data, ttl, created_at, updated_at, last_access_at, expires_at)
        select gen_random_uuid(), decode(repeat('00', 32), 'hex'), 0, '{}', 1800000, since, since, since, since + interval '30 min'
        from generate_series(1, ${EXPIRED}), (select now() - interval '2 h' as since) as one`);
      for (let count = 1; count < SWEEPERS; count++) await world.another();
      const before = await deleted(world);
      const begin = performance.now();
      await world.during(WATCHED);
      const removed = (await deleted(world)) - before;
      const pace = removed / ((performance.now() - begin) / 1_000);
      world.ended();
      // Statistics come up to a second late.
      strictEqual(pace > PACE / 4, true, `only ${Math.round(pace)} rows a second were removed`);
      strictEqual(pace < PACE * 1.2, true, `${Math.round(pace)} rows a second were removed`);
    },
  },
];

async function deleted(world: World): Promise<number> {
  const rows = await world.query<{ count: number }>(
    `select n_tup_del::int as count from pg_stat_user_tables where relname = 'sessions'`,
  );
  return rows[0]?.count ?? 0;
}
