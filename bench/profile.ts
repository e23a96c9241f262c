import { mkdtemp, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { CLUSTER_CONTESTANTS } from './cluster/contestants.js';
import { type Contestant, CONTESTANTS, needsRedis } from './contestants.js';
import { startEnvironment } from './environment/environment.js';
import type { RedisKind } from './environment/redis-server.js';
import { stopSignal } from './environment/stop-signal.js';
import { closedLoop, type Load } from './measure/closed-loop.js';
import { Entrant } from './measure/entrant.js';
import { loadFor, WARM_UP } from './measure/turn.js';
import { positive } from './options.js';
import { asText } from './report/table.js';
import type { ServerProcess } from './server-process.js';

// Where a contestant spends its time: `npm run bench:profile -- --only "ours on express" --connections 4`.

/** Of a `.cpuprofile`: times in microseconds. */
interface Profile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: CallFrame }[];
  /** On the machine's monotonic clock, as `process.hrtime()`. */
  readonly startTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}
interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
}

const ROOT = join(import.meta.dirname, '..', '..');

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'ours on express' },
    connections: { type: 'string', default: '64' },
    duration: { type: 'string', default: '8' },
    top: { type: 'string', default: '40' },
  },
});
const contestant = [...CONTESTANTS, ...CLUSTER_CONTESTANTS].find(({ name }) => name === values.only);
if (contestant === undefined) throw new Error(`There is no contestant "${values.only}".`);
await profile(
  contestant,
  positive('connections', values.connections),
  positive('duration', values.duration),
  positive('top', values.top),
);

async function profile(which: Contestant, connections: number, duration: number, top: number): Promise<void> {
  const signal = stopSignal();
  const environment = await startEnvironment(needsRedis(which) ? [which.store as RedisKind] : []);
  try {
    const entrant = await Entrant.admit(which, environment, signal);
    for (const method of ['GET', 'POST'] as const) {
      const folder = await mkdtemp(join(environment.folder, 'profile-'));
      const server = await entrant.start(signal, ['--cpu-prof', `--cpu-prof-dir=${folder}`]);
      const load = loadFor(entrant, server.port, method);
      const { requests, from } = await underLoad(server, load, connections, duration, signal);
      const [file] = await readdir(folder);
      const recorded = since(from, JSON.parse(await readFile(join(folder, file as string), 'utf8')) as Profile);
      process.stdout.write(
        `\n${table(`${which.name}, ${method}: own time by place`, recorded, requests, byPlace, top)}`,
      );
      process.stdout.write(
        `\n${table(`${which.name}, ${method}: own time by function`, recorded, requests, byFunction, top)}`,
      );
    }
  } finally {
    await environment.stop();
  }
}

/** Loads a server once it is warm, and stops it, which makes it write its profile. `from`: when that was, in microseconds of the monotonic clock. */
async function underLoad(
  server: ServerProcess,
  load: Load,
  connections: number,
  duration: number,
  signal: AbortSignal,
): Promise<{ requests: number; from: number }> {
  try {
    await closedLoop(load, connections, WARM_UP, signal);
    const from = Number(process.hrtime.bigint() / 1000n);
    return { requests: (await closedLoop(load, connections, duration, signal)).requests, from };
  } finally {
    await server.stop();
  }
}

/** What was recorded from a moment on. */
function since(from: number, recorded: Profile): Profile {
  let now = recorded.startTime;
  const first = recorded.timeDeltas.findIndex((delta) => (now += delta) >= from);
  return { ...recorded, samples: recorded.samples.slice(first), timeDeltas: recorded.timeDeltas.slice(first) };
}

function table(
  title: string,
  { nodes, samples, timeDeltas }: Profile,
  requests: number,
  keyOf: (frame: CallFrame) => string,
  top: number,
): string {
  const keys = new Map(nodes.map(({ id, callFrame }) => [id, keyOf(callFrame)]));
  const times = new Map<string, number>();
  for (const [index, id] of samples.entries()) {
    const key = keys.get(id) ?? '?';
    times.set(key, (times.get(key) ?? 0) + (timeDeltas[index] ?? 0));
  }
  times.delete('(idle)');
  const total = [...times.values()].reduce((sum, time) => sum + time, 0);
  const rows = [...times]
    .toSorted(([, one], [, other]) => other - one)
    .slice(0, top)
    .map(([key, time]) => [key, `${((time / total) * 100).toFixed(1)} %`, (time / requests).toFixed(2)]);
  return asText({ title, header: ['', 'of the busy time', 'µs per request'], rows });
}

function byFunction({ functionName, url, lineNumber }: CallFrame): string {
  return url === '' ? functionName : `${functionName || '(anonymous)'} ${placeOf(url)}:${lineNumber + 1}`;
}

/** A package, a file of ours, or Node. */
function byPlace({ functionName, url }: CallFrame): string {
  if (url === '')
    return functionName === '(garbage collector)' || functionName.startsWith('(') ? functionName : 'built-in';
  if (url.startsWith('node:')) return 'node';
  return /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? placeOf(url);
}

function placeOf(url: string): string {
  if (!url.startsWith('file:')) return url;
  return fileURLToPath(url).replace(`${ROOT}/`, '').replace('node_modules/', '');
}
