import { CookieJar } from 'tough-cookie';
import { watch } from './leak-watch.js';

/** What came back. */
export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body, parsed; throws if it is not JSON. */
  readonly json: unknown;
  readonly setCookies: string[];
}

/** A browser, as far as cookies go: real HTTP with a cookie jar. Follows no redirect. */
export class Client {
  readonly jar: CookieJar;
  readonly #url: string;

  /** @param jar the cookies of another client, to be the same browser on another server of the same host */
  constructor(url: string, jar = new CookieJar()) {
    this.#url = url;
    this.jar = jar;
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Reply> {
    return this.request('GET', path, undefined, headers);
  }

  post(path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Reply> {
    return this.request('POST', path, body, headers);
  }

  async request(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Reply> {
    const url = this.#url + path;
    const cookie = headers['cookie'] ?? (await this.jar.getCookieString(url));
    const response = await fetch(url, {
      method,
      redirect: 'manual',
      headers: {
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
        ...(cookie !== '' && { cookie }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const setCookies = response.headers.getSetCookie();
    // Of servers in other processes, the watch hears in no other way.
    watch.issued(setCookies.join('\n'));
    for (const line of setCookies) await this.jar.setCookie(line, url, { ignoreError: true });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      text,
      get json() {
        return JSON.parse(text) as unknown;
      },
      setCookies,
    };
  }

  /** The cookie the browser holds, as a header; empty if none. */
  cookie(): Promise<string> {
    return this.jar.getCookieString(this.#url);
  }
}
