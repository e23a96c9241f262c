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

// Whether the library as it stands is faster than it was: `npm run bench:compare -- --with main~1`. Both take short turns, so that
// whatever else the machine does hits both alike, and each has several processes: of the same code, one may take a tenth more than
// another, as V8 optimises it.

const USAGE = `npm run bench:compare -- [options]
  --with REVISION    what to compare with (HEAD)
  --against NAME     another contestant to compare with, instead of a revision
  --only NAME        the contestant (ours on express)
  --method GET|POST  what is asked for (GET)
  --connections N    of the load (32)
  --processes N      of each side, with a database each (3)
  --rounds N         in which each process has a turn (24)
  --duration S       seconds of a turn; ${WARM_UP} s of warming up come before the first (1)
`;

const ROOT = join(import.meta.dirname, '..', '..');
const run = promisify(execFile);

/** What each turn does. */
interface Plan {
  readonly method: Method;
  readonly connections: number;
  readonly duration: number;
}

/** What is compared: a contestant, of one build of the library. */
interface Side {
  /** What it is called in the report. */
  readonly name: string;
  readonly contestant: string;
  /** Where the build is. */
  readonly root: string;
}

/** One process of a side. */
interface Player {
  readonly side: Side;
  readonly entrant: Entrant;
  readonly server: ServerProcess;
  readonly turns: Cost[];
}

/** What a request took in one turn: CPU times in microseconds. */
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
    processes: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '24' },
    duration: { type: 'string', default: '1' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) process.stdout.write(USAGE);
else {
  const method = methodOf(values.method);
  const connections = positive('connections', values.connections);
  const duration = positive('duration', values.duration);
  const processes = positive('processes', values.processes);
  await compare({ method, connections, duration }, processes, positive('rounds', values.rounds));
}

async function compare(plan: Plan, processes: number, rounds: number): Promise<void> {
  const signal = stopSignal();
  const cleanup = new Cleanup();
  try {
    const environment = await startEnvironment();
    cleanup.add(() => environment.stop());
    const sides = await sidesOf(environment, cleanup);
    const players: Player[] = [];
    for (let nth = 1; nth <= processes; nth++) {
      for (const side of sides) players.push(await start(side, nth, environment, plan, cleanup, signal));
    }
    const progress = new Progress(process.stderr, 'Played', 'round', rounds);
    for (let round = 1; round <= rounds; round++) {
      for (const player of round % 2 === 0 ? players.toReversed() : players) {
        player.turns.push(await turnOf(player, environment, plan, signal));
      }
      progress.add(1);
    }
    progress.end();
    const contestants = values.against === undefined ? values.only : 'Contestants';
    const title = `${contestants}, ${plan.method}, ${plan.connections} connections, ${processes} processes each`;
    process.stdout.write(`\n${report(title, sides, players)}`);
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
async function sidesOf(environment: Environment, cleanup: Cleanup): Promise<[Side, Side]> {
  const { against, only } = values;
  if (against !== undefined) {
    return [
      { name: against, contestant: against, root: ROOT },
      { name: only, contestant: only, root: ROOT },
    ];
  }
  const earlier = join(environment.folder, 'build');
  await build(values.with, earlier, cleanup);
  return [
    { name: 'before', contestant: only, root: earlier },
    { name: 'now', contestant: only, root: ROOT },
  ];
}

/** Starts a process of a side, and warms it up. */
async function start(
  side: Side,
  nth: number,
  environment: Environment,
  { method, connections }: Plan,
  cleanup: Cleanup,
  signal: AbortSignal,
): Promise<Player> {
  const entrant = await entrantOf(side, `${side.name} ${nth}`, environment, signal);
  const server = await entrant.start(signal);
  cleanup.add(() => server.stop());
  await closedLoop(loadFor(entrant, server.port, method), connections, WARM_UP, signal);
  return { side, entrant, server, turns: [] };
}

/** @param place what its files and its database are told apart by */
async function entrantOf(
  { contestant: name, root }: Side,
  place: string,
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

async function turnOf(
  { entrant, server }: Player,
  environment: Environment,
  { method, connections, duration }: Plan,
  signal: AbortSignal,
): Promise<Cost> {
  const serverBefore = await timeOf(server.pid);
  const postgresBefore = new Map<number, number>();
  for (const pid of await backendsOf(entrant, environment)) postgresBefore.set(pid, await timeOf(pid));
  const load = loadFor(entrant, server.port, method);
  const { requests, perSecond, p50, p99 } = await closedLoop(load, connections, duration, signal);
  const spent = (await timeOf(server.pid)) - serverBefore;
  let postgres = 0;
  // Between its turns, a server gives up connections: some of these have begun with this one.
  for (const pid of await backendsOf(entrant, environment)) {
    postgres += (await timeOf(pid)) - (postgresBefore.get(pid) ?? 0);
  }
  return { perSecond, p50, p99, server: spent / requests, postgres: postgres / requests };
}

/** The processes of PostgreSQL that a server talks to. */
async function backendsOf({ databaseUrl }: Entrant, { postgres }: Environment): Promise<number[]> {
  const { rows } = await postgres.admin.query<{ pid: number }>(
    'select pid from pg_stat_activity where datname = $1 and pid <> pg_backend_pid()',
    [new URL(databaseUrl).pathname.slice(1)],
  );
  return rows.map(({ pid }) => pid);
}

async function timeOf(pid: number): Promise<number> {
  return (await cpuTimeOf(pid)) ?? 0;
}

/** Each process, and what the sides come to: of each round, the means of their processes. */
function report(title: string, sides: readonly [Side, Side], players: readonly Player[]): string {
  const figures = ['perSecond', 'server', 'postgres', 'p50', 'p99'] as const;
  const row = (name: string, of: (figure: keyof Cost) => number[]): string[] => [
    name,
    ...figures.map((figure) => withSpread(spreadOf(of(figure)))),
  ];
  const processes = players.map(({ side, turns }, index) =>
    row(`${side.name}, process ${Math.floor(index / 2) + 1}`, (figure) => turns.map((turn) => turn[figure])),
  );
  const meansOf = (side: Side, figure: keyof Cost): number[] => {
    const all = players.filter((player) => player.side === side).map(({ turns }) => turns);
    return (all[0] ?? []).map((_, round) => meanOf(all.map((turns) => turns[round]?.[figure] ?? Number.NaN)));
  };
  const [before, now] = sides;
  const ratios = row(`${now.name} ÷ ${before.name}`, (figure) => {
    const earlier = meansOf(before, figure);
    return meansOf(now, figure).map((mean, round) => mean / (earlier[round] as number));
  });
  return asText({
    title: `${title}; medians (min–max)`,
    header: ['', 'requests/s', 'server CPU µs', 'PostgreSQL CPU µs', 'p50 ms', 'p99 ms'],
    rows: [...processes, ...sides.map((side) => row(side.name, (figure) => meansOf(side, figure))), ratios],
  });
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function methodOf(text: string): Method {
  if (text === 'GET' || text === 'POST') return text;
  throw new Error(`--method takes GET or POST, not "${text}".`);
}
