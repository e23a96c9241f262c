import { execFile } from 'node:child_process';
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { Progress } from '#progress';
import type { Contestant } from './contestants.js';
import { Cleanup } from './environment/cleanup.js';
import { type Environment, startEnvironment } from './environment/environment.js';
import { stopSignal } from './environment/stop-signal.js';
import { closedLoop } from './measure/closed-loop.js';
import { cpuTimeOf } from './measure/cpu-time.js';
import type { Entrant } from './measure/entrant.js';
import { spreadOf } from './measure/statistics.js';
import { loadFor, WARM_UP } from './measure/turn.js';
import { positive } from './options.js';
import { withSpread } from './report/format.js';
import { asText } from './report/table.js';
import type { Method } from './results.js';
import type { ServerProcess } from './server-process.js';

// Whether the library as it stands is faster than it was: `npm run bench:compare -- --with main~1`. Both run at the same time,
// with a load each, so that whatever else the machine does hits both: where it is noisy, runs one after the other tell nothing.

const USAGE = `npm run bench:compare -- [options]
  --with REVISION    what to compare with (HEAD)
  --against NAME     another contestant to compare with, instead of a revision
  --only NAME        the contestant (ours on express)
  --method GET|POST  what is asked for (GET)
  --connections N    of the load of each (32)
  --rounds N         with servers started anew, each first in every second (8)
  --duration S       seconds of a round, after ${WARM_UP} s of warming up (3)
`;

const ROOT = join(import.meta.dirname, '..', '..');
const run = promisify(execFile);

/** What each round does. */
interface Plan {
  readonly method: Method;
  readonly connections: number;
  readonly duration: number;
}

/** One build of the library, with a contestant made of it. */
interface Side {
  /** What it is called in the report. */
  readonly name: string;
  readonly entrant: Entrant;
}

/** What a request took in one round: CPU times in microseconds. */
interface Cost {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly server: number;
  readonly postgres: number;
}

const { values } = parseArgs({
  options: {
    with: { type: 'string', default: 'HEAD' },
    against: { type: 'string' },
    only: { type: 'string', default: 'ours on express' },
    method: { type: 'string', default: 'GET' },
    connections: { type: 'string', default: '32' },
    rounds: { type: 'string', default: '8' },
    duration: { type: 'string', default: '3' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) process.stdout.write(USAGE);
else {
  const method = methodOf(values.method);
  const connections = positive('connections', values.connections);
  const duration = positive('duration', values.duration);
  await compare({ method, connections, duration }, positive('rounds', values.rounds));
}

async function compare(plan: Plan, rounds: number): Promise<void> {
  const signal = stopSignal();
  const cleanup = new Cleanup();
  try {
    const environment = await startEnvironment();
    cleanup.add(() => environment.stop());
    const sides = await sidesOf(environment, cleanup, signal);
    const costs: Cost[][] = [];
    const progress = new Progress(process.stderr, 'Played', 'round', rounds);
    for (let round = 1; round <= rounds; round++) {
      costs.push(await atOnce(sides, round % 2 === 0, environment, plan, signal));
      progress.add(1);
    }
    progress.end();
    const title = `${values.against === undefined ? values.only : 'Contestants'}, ${plan.method}, ${plan.connections} connections each`;
    process.stdout.write(`\n${report(title, sides, costs)}`);
  } finally {
    await cleanup.run();
  }
}

/** Builds another revision of the project in a folder of its own. */
async function build(revision: string, folder: string, cleanup: Cleanup): Promise<void> {
  await run('git', ['worktree', 'add', '--detach', folder, revision], { cwd: ROOT });
  cleanup.add(async () => void (await run('git', ['worktree', 'remove', '--force', folder], { cwd: ROOT })));
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  const env = { ...process.env, PATH: `${join(ROOT, 'node_modules', '.bin')}:${process.env.PATH ?? ''}` };
  // As `build:bench` says it, which that revision may not know.
  await run('sh', ['-c', 'nest build && nest build sample-app && tsc -p bench'], { cwd: folder, env });
}

/** What is compared with, and what is compared. */
async function sidesOf(environment: Environment, cleanup: Cleanup, signal: AbortSignal): Promise<[Side, Side]> {
  const { against, only } = values;
  if (against !== undefined) {
    const [other, one] = [
      await entrantOf(against, 'other', ROOT, environment, signal),
      await entrantOf(only, 'one', ROOT, environment, signal),
    ];
    return [
      { name: against, entrant: other },
      { name: only, entrant: one },
    ];
  }
  const earlier = join(environment.folder, 'build');
  await build(values.with, earlier, cleanup);
  const [before, now] = [
    await entrantOf(only, 'before', earlier, environment, signal),
    await entrantOf(only, 'now', ROOT, environment, signal),
  ];
  return [
    { name: 'before', entrant: before },
    { name: 'now', entrant: now },
  ];
}

/** @param place what its files and its database are told apart by */
async function entrantOf(
  name: string,
  place: string,
  root: string,
  environment: Environment,
  signal: AbortSignal,
): Promise<Entrant> {
  const of = async <Module>(file: string): Promise<Module> => (await import(join(root, 'bench/dist', file))) as Module;
  const { CONTESTANTS } = await of<{ CONTESTANTS: readonly Contestant[] }>('contestants.js');
  const contestant = CONTESTANTS.find((one) => one.name === name);
  if (contestant === undefined) throw new Error(`There is no contestant "${name}" (${place}).`);
  const folder = join(environment.folder, place);
  await mkdir(folder);
  const { postgres } = environment;
  const own = { ...postgres, createDatabase: (database: string) => postgres.createDatabase(`${place} ${database}`) };
  // It starts the server of the build that it is from.
  const entrants = await of<{ Entrant: typeof Entrant }>('measure/entrant.js');
  return entrants.Entrant.admit(contestant, { ...environment, folder, postgres: own }, signal);
}

/**
 * One round of all.
 *
 * @param lastFirst whether the last is started first, and gets its load first: which of two servers comes first makes a difference
 */
async function atOnce(
  sides: readonly Side[],
  lastFirst: boolean,
  environment: Environment,
  plan: Plan,
  signal: AbortSignal,
): Promise<Cost[]> {
  const inOrder = lastFirst ? sides.toReversed() : sides;
  const running = await Promise.all(
    inOrder.map(async ({ entrant }) => ({ entrant, server: await entrant.start(signal) })),
  );
  try {
    const costs = await Promise.all(
      running.map(({ entrant, server }) => costOf(entrant, server, environment, plan, signal)),
    );
    return lastFirst ? costs.toReversed() : costs;
  } finally {
    await Promise.all(running.map(({ server }) => server.stop()));
  }
}

async function costOf(
  entrant: Entrant,
  server: ServerProcess,
  environment: Environment,
  { method, connections, duration }: Plan,
  signal: AbortSignal,
): Promise<Cost> {
  const load = loadFor(entrant, server.port, method);
  await closedLoop(load, connections, WARM_UP, signal);
  const backends = await backendsOf(entrant, environment);
  const [serverBefore, postgresBefore] = [await timeOf([server.pid]), await timeOf(backends)];
  const { requests, perSecond, p50, p99 } = await closedLoop(load, connections, duration, signal);
  return {
    perSecond,
    p50,
    p99,
    server: ((await timeOf([server.pid])) - serverBefore) / requests,
    postgres: ((await timeOf(backends)) - postgresBefore) / requests,
  };
}

/** The processes of PostgreSQL that a server talks to. */
async function backendsOf({ databaseUrl }: Entrant, { postgres }: Environment): Promise<number[]> {
  const { rows } = await postgres.admin.query<{ pid: number }>(
    'select pid from pg_stat_activity where datname = $1 and pid <> pg_backend_pid()',
    [new URL(databaseUrl).pathname.slice(1)],
  );
  return rows.map(({ pid }) => pid);
}

async function timeOf(pids: readonly number[]): Promise<number> {
  let sum = 0;
  for (const pid of pids) sum += (await cpuTimeOf(pid)) ?? 0;
  return sum;
}

function report(title: string, sides: readonly Side[], costs: readonly Cost[][]): string {
  const figures = ['perSecond', 'server', 'postgres', 'p50', 'p99'] as const;
  const of = (side: number, figure: keyof Cost): number[] => costs.map((round) => round[side]?.[figure] ?? NaN);
  const rows = sides.map(({ name }, side) => [
    name,
    ...figures.map((figure) => withSpread(spreadOf(of(side, figure)))),
  ]);
  const ratios = figures.map((figure) => {
    const before = of(0, figure);
    return withSpread(spreadOf(of(1, figure).map((now, round) => now / (before[round] as number))));
  });
  const header = ['', 'requests/s', 'server CPU µs', 'PostgreSQL CPU µs', 'p50 ms', 'p99 ms'];
  return asText({
    title: `${title}; medians (min–max)`,
    header,
    rows: [...rows, [`${sides[1]?.name} ÷ ${sides[0]?.name}`, ...ratios]],
  });
}

function methodOf(text: string): Method {
  if (text === 'GET' || text === 'POST') return text;
  throw new Error(`--method takes GET or POST, not "${text}".`);
}
