import { Agent, request } from 'node:http';
import type { State } from '../application/protocol.js';

/** What came back, or that nothing did. */
export interface Answer {
  /** On `performance.now()`, in milliseconds. */
  readonly begin: number;
  readonly end: number;
  /** 0 when there was none. */
  readonly status: number;
  /** The code of the error, where there was no answer. */
  readonly error: string | null;
  readonly body: Partial<State> & { readonly isRevoked?: boolean };
  /** The cookie that it sets; empty if it removes it, `null` if it does neither. */
  readonly cookie: string | null;
}

const COOKIE = 'session_id';
/** In milliseconds; no answer may take nearly as long. */
const PATIENCE = 120_000;

/** Real HTTP to an application, over connections that are kept. */
export class HttpClient {
  readonly #port: number;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(port: number) {
    this.#port = port;
  }

  close(): void {
    this.#agent.destroy();
  }

  /** Never rejects. */
  send(method: 'GET' | 'POST', path: string, cookie: string | null, content: object = {}): Promise<Answer> {
    const begin = performance.now();
    const body = method === 'GET' ? '' : JSON.stringify(content);
    const headers = {
      ...(cookie !== null && { cookie: `${COOKIE}=${cookie}` }),
      ...(method === 'POST' && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
    };
    return new Promise((resolve) => {
      const failed = (error: NodeJS.ErrnoException): void =>
        resolve({
          begin,
          end: performance.now(),
          status: 0,
          error: error.code ?? error.message,
          body: {},
          cookie: null,
        });
      const options = { host: '127.0.0.1', port: this.#port, path, method, agent: this.#agent, headers };
      const outgoing = request({ ...options, timeout: PATIENCE }, (incoming) => {
        const chunks: string[] = [];
        incoming.setEncoding('utf8');
        incoming.on('data', (chunk: string) => chunks.push(chunk));
        incoming.on('error', failed);
        incoming.on('end', () => {
          resolve({
            begin,
            end: performance.now(),
            status: incoming.statusCode ?? 0,
            error: null,
            body: JSON.parse(chunks.join('') || '{}') as Answer['body'],
            cookie: cookieIn(incoming.headers['set-cookie']),
          });
        });
      });
      outgoing.on('timeout', () => outgoing.destroy(new Error('no answer')));
      outgoing.on('error', failed);
      outgoing.end(body);
    });
  }
}

function cookieIn(headers: readonly string[] = []): string | null {
  const ours = headers.find((header) => header.startsWith(`${COOKIE}=`));
  return ours?.slice(COOKIE.length + 1).split(';', 1)[0] ?? null;
}
