import { KeepAliveConnection } from './keep-alive-connection.js';

/** Of what each session does once. */
export const ONCE_CONNECTIONS = 64;

/** What came of requests that were each sent once. */
export interface OnceResult {
  readonly perSecond: number;
  /** The cookie that each answer set, as `name=value`; `null` where it set none. In the order of the requests. */
  readonly cookies: readonly (string | null)[];
}

/** A request as text, without a body. */
export function requestText(method: 'GET' | 'POST', path: string, cookie: string | null): string {
  const header = cookie === null ? '' : `Cookie: ${cookie}\r\n`;
  return `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${header}Content-Length: 0\r\n\r\n`;
}

/**
 * Sends each request once, from so many connections, each of which waits for its answers.
 *
 * @throws {Error} if an answer is not of status class 2, or the server hangs up.
 */
export async function sendOnce(
  port: number,
  requests: readonly string[],
  connections: number,
  signal: AbortSignal,
): Promise<OnceResult> {
  const heads: string[] = [];
  const all = Array.from({ length: connections }, () => new KeepAliveConnection(port));
  let next = 0;
  const use = async (connection: KeepAliveConnection): Promise<void> => {
    while (next < requests.length) {
      signal.throwIfAborted();
      const index = next;
      next += 1;
      const status = await connection.send(requests[index] as string);
      if (status < 200 || status > 299) throw new Error(`A request that was sent once was answered ${status}.`);
      heads[index] = connection.head;
    }
  };
  try {
    const start = performance.now();
    await Promise.all(all.map(use));
    const seconds = (performance.now() - start) / 1000;
    return { perSecond: requests.length / seconds, cookies: heads.map(cookieOf) };
  } finally {
    for (const connection of all) connection.close();
  }
}

function cookieOf(head: string): string | null {
  return /\r\nset-cookie: *([^;\r]+)/i.exec(head)?.[1] ?? null;
}
