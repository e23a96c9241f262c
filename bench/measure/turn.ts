import { setTimeout as pause } from 'node:timers/promises';
import type { Environment } from '../environment/environment.js';
import { connect } from '../environment/postgres-server.js';
import type { Method, Sample } from '../results.js';
import type { ServerProcess } from '../server-process.js';
import { closedLoop, type Load, type LoadResult } from './closed-loop.js';
import type { Entrant } from './entrant.js';
import { Meters, type Reading } from './meters.js';

/** What is measured of everybody. */
export const ROUTES: Readonly<Record<Method, string>> = { GET: '/read', POST: '/count' };

/** How long answers that nobody waited for may take to be stored, in milliseconds. */
const SETTLING = 500;

/** In seconds: as long as V8 goes on optimising what it sees under load, and until each session was visited some times. */
export const WARM_UP = 5;
/** For a server that has been under load already: what another method takes besides is optimised within the first second. */
export const WARM_UP_AGAIN = 1;

/** How long to load a server. */
export interface Pace {
  readonly duration: number;
  readonly warmUp: number;
}

/** One turn of one contestant, with a server started for it. */
export async function takeTurn(
  entrant: Entrant,
  environment: Environment,
  connections: readonly number[],
  pace: Pace,
  signal: AbortSignal,
  onSample: (method: Method, connections: number, sample: Sample) => void,
): Promise<void> {
  const server = await entrant.start(signal);
  const database = await connect(entrant.databaseUrl);
  try {
    const redis = environment.redis.get(entrant.contestant.store) ?? null;
    const meters = new Meters(server, environment.postgres, redis, database);
    let { warmUp } = pace;
    for (const count of connections) {
      for (const method of ['GET', 'POST'] as const) {
        onSample(method, count, await measure(entrant, server, meters, method, count, { ...pace, warmUp }, signal));
        warmUp = Math.min(warmUp, WARM_UP_AGAIN);
      }
    }
  } finally {
    await database.end();
    await server.stop();
  }
}

async function measure(
  entrant: Entrant,
  server: ServerProcess,
  meters: Meters,
  method: Method,
  connections: number,
  { duration, warmUp }: Pace,
  signal: AbortSignal,
): Promise<Sample> {
  const load = loadFor(entrant, server.port, method);
  const sumBefore = method === 'POST' ? await entrant.sumOfCounts() : null;
  const warming = await closedLoop(load, connections, warmUp, signal);
  const { result, spent } = await meters.around(() => closedLoop(load, connections, duration, signal));
  if (sumBefore !== null) {
    await assertAllStored(entrant, sumBefore, warming.requests + result.requests, connections);
  }
  return sampleOf(result, spent);
}

/** What is sent to a contestant's server. */
export function loadFor(entrant: Entrant, port: number, method: Method): Load {
  const { cookieFile, cookies } = entrant;
  return { port, method, path: ROUTES[method], cookieFile, cookieCount: cookies.length };
}

/**
 * Every counted request must be in the store. When wrk stops, one request on each connection is under way, and may meet
 * the first of the next load in the same session, where a store without merging loses one of the two.
 */
export async function assertAllStored(
  entrant: Entrant,
  before: number,
  counted: number,
  connections: number,
): Promise<void> {
  await pause(SETTLING);
  const stored = ((await entrant.sumOfCounts()) ?? 0) - before;
  if (stored >= counted - connections && stored <= counted + 2 * connections) return;
  throw new Error(`"${entrant.contestant.name}" answered ${counted} counting requests, but stored ${stored}.`);
}

function sampleOf({ requests, perSecond, p50, p99 }: LoadResult, spent: Reading): Sample {
  const each = (total: number | null): number | null => (total === null ? null : total / requests);
  return {
    perSecond,
    p50,
    p99,
    statements: spent.statements / requests,
    queries: spent.queries / requests,
    walBytes: spent.walBytes / requests,
    hotShare: spent.updates > 0 ? spent.hotUpdates / spent.updates : null,
    postgresCpu: each(spent.postgresCpu),
    serverCpu: each(spent.serverCpu),
    redisCommands: each(spent.redisCommands),
  };
}
