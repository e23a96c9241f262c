import { join } from 'node:path';
import { closedLoop, type LoadResult } from '../measure/closed-loop.js';
import { writeCookies } from '../measure/sessions.js';
import { spreadOf } from '../measure/statistics.js';
import type { Pace } from '../measure/turn.js';
import type { LookupFigures } from '../scale-results.js';
import type { BenchSite } from './bench-site.js';

/** How many different sessions the load visits: as many as wrk can hold without effort. */
const VISITED = 100_000;

/** How fast sessions are found among that many. The table is filled up to it. */
export async function measureLookups(
  site: BenchSite,
  rows: number,
  connections: readonly number[],
  rounds: number,
  pace: Pace,
  folder: string,
  signal: AbortSignal,
): Promise<LookupFigures[]> {
  const cookieFile = join(folder, 'scale.cookies');
  const cookies = site.filler.randomCookies(rows, Math.min(rows, VISITED));
  await writeCookies(cookieFile, cookies);
  const results = new Map<number, LoadResult[]>(connections.map((count) => [count, []]));
  for (let round = 1; round <= rounds; round += 1) {
    await site.withServer(signal, async ({ port }) => {
      const load = { port, method: 'GET', path: '/read', cookieFile, cookieCount: cookies.length } as const;
      for (const count of connections) {
        await closedLoop(load, count, pace.warmUp, signal);
        results.get(count)?.push(await closedLoop(load, count, pace.duration, signal));
      }
    });
  }
  const tableBytes = await site.filler.tableBytes();
  return connections.map((count) => {
    const all = results.get(count) ?? [];
    return {
      rows,
      tableBytes,
      connections: count,
      perSecond: spreadOf(all.map(({ perSecond }) => perSecond)),
      p50: spreadOf(all.map(({ p50 }) => p50)),
      p99: spreadOf(all.map(({ p99 }) => p99)),
    };
  });
}
