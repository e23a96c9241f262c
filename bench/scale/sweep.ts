import { HttpClient } from '../http-client.js';
import { openLoop, type OpenLoopResult } from '../measure/open-loop.js';
import { spreadOf } from '../measure/statistics.js';
import type { SweepFigures } from '../scale-results.js';
import type { BenchSite } from './bench-site.js';

const LIVE_ROWS = 10_000;
/** How long a sweep may take, in seconds. */
const PATIENCE = 400;

interface Round {
  readonly without: OpenLoopResult;
  readonly during: OpenLoopResult;
  readonly purge: Purge;
}

interface Purge {
  readonly purged: number;
  readonly seconds: number;
  readonly failure: string | null;
}

/** What visitors notice when `SessionService.purgeExpired()` removes that many rows, at a fixed rate of requests. */
export async function measureSweep(
  site: BenchSite,
  expiredRows: number,
  rate: number,
  rounds: number,
  seconds: number,
  signal: AbortSignal,
): Promise<SweepFigures> {
  const all: Round[] = [];
  for (let round = 1; round <= rounds; round += 1) all.push(await sweepOnce(site, expiredRows, rate, seconds, signal));
  const done = all.filter(({ purge }) => purge.failure === null);
  return {
    expiredRows,
    liveRows: LIVE_ROWS,
    rate,
    seconds: done.length > 0 ? spreadOf(done.map(({ purge }) => purge.seconds)) : null,
    purged: Math.min(...all.map(({ purge }) => purge.purged)),
    without: latencies(all.map(({ without }) => without)),
    during: latencies(all.map(({ during }) => during)),
    failure: all.find(({ purge }) => purge.failure !== null)?.purge.failure ?? null,
  };
}

async function sweepOnce(
  site: BenchSite,
  expiredRows: number,
  rate: number,
  seconds: number,
  signal: AbortSignal,
): Promise<Round> {
  const { filler } = site;
  await filler.empty();
  // Strangers among them: in a table that has been in use, the expired rows lie between the live ones.
  const half = Math.floor(expiredRows / 2);
  await filler.fill(LIVE_ROWS, half, true, signal);
  await filler.fill(0, LIVE_ROWS, false, signal);
  await filler.fill(LIVE_ROWS + half, expiredRows - half, true, signal);
  // Else what was filled in would be written to the disk while the sweep is measured.
  await site.database.query('checkpoint');
  const cookies = filler.randomCookies(LIVE_ROWS, LIVE_ROWS);
  return site.withServer(signal, async ({ port }) => {
    const load = async (time: number, until?: Promise<unknown>): Promise<OpenLoopResult> =>
      openLoop({ port, method: 'POST', path: '/count', cookies, rate, seconds: time }, signal, until);
    await load(2);
    const without = await load(seconds);
    const purging = purge(port);
    const during = await load(PATIENCE, purging);
    // Not before: to count takes both processors away from the load.
    return { without, during, purge: { ...(await purging), purged: expiredRows - (await left(site)) } };
  });
}

async function purge(port: number): Promise<Omit<Purge, 'purged'>> {
  const client = new HttpClient(port, 1);
  const start = performance.now();
  let failure: string | null = null;
  try {
    const { status, body } = await client.send('POST', '/purge', undefined, PATIENCE * 1000);
    if (status > 299) failure = `${status} ${body}`;
  } catch (error) {
    failure = error instanceof Error ? error.message : String(error);
  } finally {
    client.close();
  }
  return { seconds: (performance.now() - start) / 1000, failure };
}

async function left(site: BenchSite): Promise<number> {
  const { rows } = await site.database.query<{ left: string }>(
    'select count(*) as left from sessions where expires_at < now()',
  );
  return Number(rows[0]?.left);
}

function latencies(results: readonly OpenLoopResult[]): SweepFigures['without'] {
  return { p50: spreadOf(results.map(({ p50 }) => p50)), p99: spreadOf(results.map(({ p99 }) => p99)) };
}
