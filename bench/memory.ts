import { parseArgs } from 'node:util';
import { Progress } from '#progress';
import { startEnvironment } from './environment/environment.js';
import { stopSignal } from './environment/stop-signal.js';
import { KeepAliveConnection } from './measure/keep-alive-connection.js';
import { ServerProcess } from './server-process.js';

// Whether a server keeps anything for requests that are over: `npm run check:memory -- --requests 1000000`.

const MEGABYTE = 1024 * 1024;
/** Of the heap, after a garbage collection, from the first mark to any later one. */
const MOST_GROWTH = 5 * MEGABYTE;
/** Shares of all requests. By the first the server is warm. */
const MARKS = [0.1, 0.25, 0.5, 0.75, 1];
const CONNECTIONS = 64;

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '1000000' },
    // Of SessionModule, as JSON.
    options: { type: 'string', default: '{}' },
  },
});

/** A browser that comes and goes: without a cookie, reading, counting, and now and then signing in or out. */
class Visitor {
  readonly #connection: KeepAliveConnection;
  #cookie = '';

  constructor(port: number) {
    this.#connection = new KeepAliveConnection(port);
  }

  async visit(): Promise<void> {
    const dice = Math.random();
    if (dice < 0.3) await this.#ask('GET /keys', '');
    else if (this.#cookie === '') await this.#ask('POST /seed', '');
    else if (dice < 0.75) await this.#ask('GET /keys', this.#cookie);
    else if (dice < 0.95) await this.#ask('POST /count', this.#cookie);
    else await this.#ask(dice < 0.975 ? 'POST /welcome' : 'POST /logout', this.#cookie);
  }

  close(): void {
    this.#connection.close();
  }

  async #ask(what: string, cookie: string): Promise<void> {
    const header = cookie === '' ? '' : `Cookie: ${cookie}\r\n`;
    const status = await this.#connection.send(
      `${what} HTTP/1.1\r\nHost: 127.0.0.1\r\n${header}Content-Length: 0\r\n\r\n`,
    );
    if (status < 200 || status > 299) throw new Error(`${what} was answered ${status}.`);
    const set = /\r\nset-cookie: *([^;\r]+)/i.exec(this.#connection.head)?.[1];
    if (set !== undefined) this.#cookie = set.endsWith('=') ? '' : set;
  }
}

/** The heap at each mark, in bytes. */
async function heapsOf(server: ServerProcess, requests: number, signal: AbortSignal): Promise<number[]> {
  const visitors = Array.from({ length: CONNECTIONS }, () => new Visitor(server.port));
  const heaps: number[] = [];
  const progress = new Progress(process.stdout, 'Sent', 'request', requests);
  let done = 0;
  try {
    for (const mark of MARKS) {
      const until = Math.round(requests * mark);
      await Promise.all(
        visitors.map(async (visitor) => {
          while (done < until) {
            signal.throwIfAborted();
            done += 1;
            await visitor.visit();
            progress.add(1);
          }
        }),
      );
      const { heap, rss } = await server.statistics();
      heaps.push(heap);
      const [now, all] = [heap, rss].map((bytes) => (bytes / MEGABYTE).toFixed(1));
      progress.end();
      process.stdout.write(`${done} requests: ${now} MB of heap after a garbage collection, ${all} MB in all\n`);
    }
  } finally {
    for (const visitor of visitors) visitor.close();
  }
  return heaps;
}

async function check(requests: number): Promise<boolean> {
  const signal = stopSignal();
  const environment = await startEnvironment();
  try {
    const setting = {
      contestant: {
        name: 'memory',
        platform: 'express',
        server: 'ours',
        store: 'postgres',
        options: JSON.parse(values.options) as Record<string, unknown>,
      },
      databaseUrl: await environment.postgres.createDatabase('memory'),
      redisUrls: [],
      poolSize: 10,
      secret: '',
      idleSeconds: 1_800,
    } as const;
    const server = await ServerProcess.start(setting, signal, ['--expose-gc']);
    try {
      const [warm = 0, ...later] = await heapsOf(server, requests, signal);
      const growth = Math.max(...later) - warm;
      process.stdout.write(`Grown by ${(growth / MEGABYTE).toFixed(1)} MB; at most 5 MB are allowed.\n`);
      return growth <= MOST_GROWTH;
    } finally {
      await server.stop();
    }
  } finally {
    await environment.stop();
  }
}

const requests = Number(values.requests);
if (!Number.isInteger(requests) || requests < 10) throw new Error('--requests takes a whole number of at least 10.');
process.exitCode = (await check(requests)) ? 0 : 1;
