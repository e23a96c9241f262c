import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** What is sent: the same request with one cookie after the other. */
export interface Load {
  readonly port: number;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** A file with a `Cookie` header in each line. */
  readonly cookieFile: string;
  readonly cookieCount: number;
}

/** What came of it. Latencies in milliseconds. */
export interface LoadResult {
  readonly requests: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
}

type Summary = Record<
  'requests' | 'duration' | 'p50' | 'p99' | 'connect' | 'read' | 'write' | 'status' | 'timeout',
  number
>;

const SCRIPT = join(import.meta.dirname, '..', '..', 'load.lua');

/**
 * Load from `wrk`: every connection sends its next request when it has the answer to the last one.
 *
 * @throws {Error} if a single answer is missing or not of the status classes 2 and 3.
 */
export async function closedLoop(
  load: Load,
  connections: number,
  seconds: number,
  signal: AbortSignal,
): Promise<LoadResult> {
  const { port, method, path, cookieFile, cookieCount } = load;
  const offset = Math.floor(Math.random() * cookieCount);
  const rates = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '5s', '--latency'];
  const args = [...rates, '-s', SCRIPT, `http://127.0.0.1:${port}`, '--', method, path, cookieFile, String(offset)];
  const timeout = (seconds + 20) * 1000;
  const child = spawn('wrk', args, { stdio: ['ignore', 'pipe', 'pipe'], signal, timeout, killSignal: 'SIGKILL' });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  await once(child, 'close');
  const line = /^RESULT (.*)$/m.exec(output)?.[1];
  if (line === undefined) throw new Error(`wrk failed. ${output}`);
  const summary = JSON.parse(line) as Summary;
  const failures = (['connect', 'read', 'write', 'status', 'timeout'] as const).filter((kind) => summary[kind] > 0);
  if (failures.length > 0) {
    const list = failures.map((kind) => `${kind}: ${summary[kind]}`).join(', ');
    throw new Error(`${method} ${path} failed under load (${list} of ${summary.requests}).`);
  }
  return {
    requests: summary.requests,
    perSecond: summary.requests / (summary.duration / 1e6),
    p50: summary.p50 / 1000,
    p99: summary.p99 / 1000,
  };
}
