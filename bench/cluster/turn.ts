import type { Environment } from '../environment/environment.js';
import { closedLoop, type LoadResult } from '../measure/closed-loop.js';
import { cpuTimeOf, cpuTimeOfFamily, postmasterOf } from '../measure/cpu-time.js';
import type { Entrant } from '../measure/entrant.js';
import { assertAllStored, loadFor, type Pace } from '../measure/turn.js';
import type { Method } from '../results.js';
import type { ServerProcess } from '../server-process.js';

/** What a request took, with some processes of the application. CPU times in microseconds, of all processes of a part. */
export interface ClusterSample {
  readonly perSecond: number;
  /** In milliseconds, of the slower process. */
  readonly p50: number;
  readonly p99: number;
  readonly application: number;
  readonly primaries: number;
  readonly replicas: number;
  readonly postgres: number;
}

type Part = 'application' | 'primaries' | 'replicas' | 'postgres';
type Times = Readonly<Record<Part, number>>;

/** One turn of one contestant, with the processes started for it, which share the connections. */
export async function takeClusterTurn(
  entrant: Entrant,
  environment: Environment,
  processes: number,
  connections: number,
  pace: Pace,
  signal: AbortSignal,
  onSample: (method: Method, sample: ClusterSample) => void,
): Promise<void> {
  const servers: ServerProcess[] = [];
  try {
    for (let index = 0; index < processes; index++) servers.push(await entrant.start(signal));
    for (const method of ['GET', 'POST'] as const) {
      onSample(method, await measure(entrant, servers, environment, method, connections / processes, pace, signal));
    }
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
}

async function measure(
  entrant: Entrant,
  servers: readonly ServerProcess[],
  environment: Environment,
  method: Method,
  connections: number,
  { duration, warmUp }: Pace,
  signal: AbortSignal,
): Promise<ClusterSample> {
  const load = (seconds: number): Promise<LoadResult[]> =>
    Promise.all(servers.map(({ port }) => closedLoop(loadFor(entrant, port, method), connections, seconds, signal)));
  const sumBefore = method === 'POST' ? await entrant.sumOfCounts() : null;
  const warming = await load(warmUp);
  const before = await times(entrant, servers, environment);
  const results = await load(duration);
  const after = await times(entrant, servers, environment);
  const requests = sumOf(results.map((one) => one.requests));
  if (sumBefore !== null) {
    const counted = requests + sumOf(warming.map((one) => one.requests));
    await assertAllStored(entrant, sumBefore, counted, connections * servers.length);
  }
  const each = (part: Part): number => (after[part] - before[part]) / requests;
  return {
    perSecond: sumOf(results.map((one) => one.perSecond)),
    p50: Math.max(...results.map((one) => one.p50)),
    p99: Math.max(...results.map((one) => one.p99)),
    application: each('application'),
    primaries: each('primaries'),
    replicas: each('replicas'),
    postgres: each('postgres'),
  };
}

/** Of a store that the contestant does not use, nothing. */
async function times(
  { contestant }: Entrant,
  servers: readonly ServerProcess[],
  { postgres, redis }: Environment,
): Promise<Times> {
  const of = async (pids: readonly number[] = []): Promise<number> =>
    sumOf(await Promise.all(pids.map(async (pid) => (await cpuTimeOf(pid)) ?? Number.NaN)));
  const store = redis.get(contestant.store);
  const { rows } = await postgres.admin.query<{ pid: number }>('select pg_backend_pid() as pid');
  const postmaster = await postmasterOf(rows[0]?.pid ?? 0);
  return {
    application: await of(servers.map(({ pid }) => pid)),
    primaries: await of(store?.primaries),
    replicas: await of(store?.replicas),
    postgres: contestant.store !== 'postgres' ? 0 : ((postmaster && (await cpuTimeOfFamily(postmaster))) ?? Number.NaN),
  };
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, one) => sum + one, 0);
}
