import { createHash } from 'node:crypto';
import { Agent, request } from 'node:http';
import type { Trace } from './history.js';
import type { Operation, RevocationRequest } from './operations.js';

/** A server's answer. */
export interface Answer {
  /** 0 when there was none. */
  readonly status: number;
  readonly trace: Trace | null;
  readonly result: boolean | number | null;
  readonly error: string | null;
  /** The value of the session cookie that it sets: empty if it removes it, `null` if it does neither. */
  readonly cookie: string | null;
}

const COOKIE = 'session_id';
const PATIENCE = 60_000;

/** Real HTTP to one server, over connections that are kept. */
export class HttpClient {
  readonly #port: number;
  readonly #agent: Agent;

  constructor(port: number, connections: number) {
    this.#port = port;
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections });
  }

  visit(operations: readonly Operation[], cookie: string | null): Promise<Answer> {
    return this.#post('/visit', operations, cookie === null ? {} : { cookie: `${COOKIE}=${cookie}` });
  }

  revoke(asked: RevocationRequest): Promise<Answer> {
    return this.#post('/revocation', asked, {});
  }

  close(): void {
    this.#agent.destroy();
  }

  #post(path: string, content: unknown, headers: Record<string, string>): Promise<Answer> {
    const body = JSON.stringify(content);
    return new Promise((resolve) => {
      const failed = (error: unknown): void =>
        resolve({ status: 0, trace: null, result: null, error: String(error), cookie: null });
      const outgoing = request(
        {
          host: '127.0.0.1',
          port: this.#port,
          path,
          method: 'POST',
          agent: this.#agent,
          timeout: PATIENCE,
          headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers },
        },
        (incoming) => {
          const chunks: string[] = [];
          incoming.setEncoding('utf8');
          incoming.on('data', (chunk: string) => chunks.push(chunk));
          incoming.on('error', failed);
          incoming.on('end', () => {
            const status = incoming.statusCode ?? 0;
            try {
              const { trace = null, result = null, error = null } = JSON.parse(chunks.join('')) as Partial<Answer>;
              resolve({ status, trace, result, error, cookie: cookieIn(incoming.headers['set-cookie']) });
            } catch (error) {
              resolve({
                status,
                trace: null,
                result: null,
                error: `${String(error)}: ${chunks.join('')}`,
                cookie: null,
              });
            }
          });
        },
      );
      outgoing.on('timeout', () => outgoing.destroy(new Error('no answer in time')));
      outgoing.on('error', failed);
      outgoing.end(body);
    });
  }
}

function cookieIn(headers: readonly string[] = []): string | null {
  const ours = headers.filter((header) => header.startsWith(`${COOKIE}=`));
  if (ours.length > 1) throw new Error('Two session cookies in one answer.');
  const value = ours[0]?.slice(COOKIE.length + 1).split(';', 1)[0];
  return value ?? null;
}

/** What is kept of a cookie's secret, as the database does. */
export function hashOf(cookie: string): string {
  return createHash('sha256').update(cookie.slice(37)).digest('hex');
}
