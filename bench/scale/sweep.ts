import { HttpClient } from '../http-client.js';
import { openLoop, type OpenLoopResult } from '../measure/open-loop.js';
import { spreadOf } from '../measure/statistics.js';
import type { SweepFigures } from '../scale-results.js';
import type { BenchSite } from './bench-site.js';

const LIVE_ROWS = 10_000;
/** How long a sweep may take, in seconds. */
const PATIENCE = 180;

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
  const cookies = filler.randomCookies(LIVE_ROWS, LIVE_ROWS);
  return site.withServer(signal, async ({ port }) => {
    const load = async (time: number, until?: Promise<unknown>): Promise<OpenLoopResult> =>
      openLoop({ port, method: 'POST', path: '/count', cookies, rate, seconds: time }, signal, until);
    await load(2);
    const without = await load(seconds);
    const purging = purge(site, port, expiredRows);
    const during = await load(PATIENCE, purging);
    return { without, during, purge: await purging };
  });
}

async function purge(site: BenchSite, port: number, expiredRows: number): Promise<Purge> {
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
  const seconds = (performance.now() - start) / 1000;
  const { rows } = await site.database.query<{ left: string }>(
    'select count(*) as left from sessions where expires_at < now()',
  );
  return { purged: expiredRows - Number(rows[0]?.left), seconds, failure };
}

function latencies(results: readonly OpenLoopResult[]): SweepFigures['without'] {
  return { p50: spreadOf(results.map(({ p50 }) => p50)), p99: spreadOf(results.map(({ p99 }) => p99)) };
}
