import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Progress } from '#progress';
import { CLUSTER_CONTESTANTS } from './cluster/contestants.js';
import { type ClusterSample, takeClusterTurn } from './cluster/turn.js';
import type { ClusterFigures, ClusterResults } from './cluster-results.js';
import { type Environment, startEnvironment } from './environment/environment.js';
import { describeMachine } from './environment/machine.js';
import { HOW_TO_INSTALL, programVersions } from './environment/programs.js';
import { stopSignal } from './environment/stop-signal.js';
import { Entrant } from './measure/entrant.js';
import { type Spread, spreadOf } from './measure/statistics.js';
import { positive } from './options.js';
import { clusterTables, writeClusterDocs } from './report/cluster-page.js';
import { asText } from './report/table.js';

// Sessions on a cluster of Redis beside those on PostgreSQL, and beside connect-redis on the same cluster, with one process of
// the application and with two: `npm run bench:cluster`.

/** In seconds, for each method. */
const WARM_UP = 3;
const USAGE = `npm run bench:cluster -- [options]
  --sessions N,N     how many each contestant has (10000,200000)
  --processes N,N    of the application (1,2)
  --connections N    how many the load comes from, of all processes together (64)
  --rounds N         how often every contestant has its turn (3)
  --duration S       seconds of one measurement, after ${WARM_UP} s of warming up (6)
  --docs             write docs/performance-cluster.md
`;

const FOLDER = join(import.meta.dirname, '..', 'results');

interface ClusterOptions {
  readonly sessions: readonly number[];
  readonly processes: readonly number[];
  readonly connections: number;
  readonly rounds: number;
  readonly duration: number;
  readonly writesDocs: boolean;
}

/** What a contestant showed, round by round. */
interface Page extends Omit<ClusterFigures, 'spread'> {
  readonly samples: ClusterSample[];
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
}

async function main(): Promise<number> {
  if (process.argv.includes('--help')) {
    process.stdout.write(USAGE);
    return 0;
  }
  const options = parseOptions();
  const { wrk, redis } = await programVersions();
  if (wrk === null || redis === null) {
    log(`Not installed: wrk or redis-server. Install: ${HOW_TO_INSTALL}`);
    return 1;
  }
  const signal = stopSignal();
  const environment = await startEnvironment(['redis cluster']);
  try {
    const results: ClusterResults = {
      date: new Date().toISOString(),
      machine: describeMachine(),
      versions: { postgres: environment.postgres.version, redis, wrk },
      rounds: options.rounds,
      duration: options.duration,
      connections: options.connections,
      figures: await measure(environment, options, signal),
    };
    process.stdout.write(`\n${clusterTables(results).map(asText).join('\n')}\n`);
    await mkdir(FOLDER, { recursive: true });
    await writeFile(join(FOLDER, 'cluster.json'), `${JSON.stringify(results, null, 2)}\n`);
    if (options.writesDocs) await writeClusterDocs(results);
    return 0;
  } finally {
    await environment.stop();
  }
}

/** Round by round, so that a slow minute hits all of them; the fewest sessions first, as a cluster has those of all. */
async function measure(
  environment: Environment,
  { sessions, processes, connections, rounds, duration }: ClusterOptions,
  signal: AbortSignal,
): Promise<ClusterFigures[]> {
  const pages = new Map<string, Page>();
  const pace = { duration, warmUp: WARM_UP };
  const turns = sessions.length * rounds * processes.length * CLUSTER_CONTESTANTS.length;
  const progress = new Progress(process.stderr, 'Took', 'turn', turns);
  const say = (text: string): void => {
    progress.end();
    log(text);
  };
  for (const count of sessions) {
    const entrants: Entrant[] = [];
    for (const contestant of CLUSTER_CONTESTANTS) {
      const named = { ...contestant, name: `${contestant.name} ${count}` };
      entrants.push(await Entrant.admit(named, environment, signal, count));
      say(`${named.name} sessions: verified`);
    }
    for (let round = 1; round <= rounds; round++) {
      for (const [index, entrant] of entrants.entries()) {
        const contestant = CLUSTER_CONTESTANTS[index]?.name as string;
        for (const number of processes) {
          await takeClusterTurn(entrant, environment, number, connections, pace, signal, (method, sample) => {
            pageOf(pages, { contestant, method, sessions: count, processes: number }).samples.push(sample);
            const rate = `${Math.round(sample.perSecond)}/s`;
            say(`round ${round}/${rounds}  ${contestant}, ${count} sessions  ${method}, ${number} processes: ${rate}`);
          });
          progress.add(1);
        }
      }
    }
  }
  progress.end();
  return Array.from(pages.values(), ({ samples, ...page }) => ({ ...page, spread: spreadsOf(samples) }));
}

function pageOf(pages: Map<string, Page>, who: Omit<ClusterFigures, 'spread'>): Page {
  const key = JSON.stringify([who.method, who.sessions, who.processes, who.contestant]);
  const page = pages.get(key) ?? { ...who, samples: [] };
  pages.set(key, page);
  return page;
}

function spreadsOf(samples: readonly ClusterSample[]): ClusterFigures['spread'] {
  const of = (key: keyof ClusterSample): Spread => spreadOf(samples.map((sample) => sample[key]));
  return {
    perSecond: of('perSecond'),
    p50: of('p50'),
    p99: of('p99'),
    application: of('application'),
    primaries: of('primaries'),
    replicas: of('replicas'),
    postgres: of('postgres'),
  };
}

function parseOptions(): ClusterOptions {
  const { values } = parseArgs({
    options: {
      sessions: { type: 'string', default: '10000,200000' },
      processes: { type: 'string', default: '1,2' },
      connections: { type: 'string', default: '64' },
      rounds: { type: 'string', default: '3' },
      duration: { type: 'string', default: '6' },
      docs: { type: 'boolean', default: false },
    },
  });
  const list = (name: 'sessions' | 'processes'): number[] =>
    values[name].split(',').map((text: string) => positive(name, text));
  return {
    sessions: list('sessions'),
    processes: list('processes'),
    connections: positive('connections', values.connections),
    rounds: positive('rounds', values.rounds),
    duration: positive('duration', values.duration),
    writesDocs: values.docs,
  };
}

function log(text: string): void {
  process.stderr.write(`${text}\n`);
}
