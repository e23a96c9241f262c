import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { json } from 'node:stream/consumers';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { SessionModuleOptions } from 'nestjs-mikro-session';
import { CookieJar } from 'tough-cookie';
import { issueCredential } from '../../lib/session/token.js';
import { type Call, type ServerProcess, useProcesses } from '../support/processes.js';

const KEYS = ['7'.repeat(64)];
const BROWSERS = Array.from({ length: 12 }, (_, n) => n);
/** Those of them whose session is not ended. */
const LIVE = BROWSERS.filter((n) => n % 4 !== 1 && n % 4 !== 2);
const valueOf = (n: number): string => `the value of ${n}.`;
const roleOf = (n: number): string => `the role of ${n}.`;

/** What was found on the heap of a server process, and what it has issued. */
interface Found {
  readonly issued: number;
  readonly secrets: readonly string[];
  readonly values: readonly number[];
  readonly roles: readonly number[];
}

/** A browser whose connections end with their answers: what Node keeps of one that is open is not the library's. */
class Browser {
  /** All that it has come by, and sent. */
  readonly secrets: string[] = [];
  readonly #jar = new CookieJar();
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  async call(...calls: Call[]): Promise<void> {
    await this.send(await this.#jar.getCookieString(this.#url), ...calls);
  }

  async send(cookie: string, ...calls: Call[]): Promise<void> {
    const headers = { 'content-type': 'application/json', ...(cookie !== '' && { cookie }) };
    const sent = request(`${this.#url}/calls`, { method: 'POST', agent: false, headers });
    sent.end(JSON.stringify({ calls }));
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    const lines = response.headers['set-cookie'] ?? [];
    for (const line of lines) await this.#jar.setCookie(line, this.#url);
    this.secrets.push(...[cookie, ...lines].flatMap((text) => /\.([\w-]{43})(?=;|$)/.exec(text)?.[1] ?? []));
    const answer = await json(response);
    if (response.statusCode !== 201 || !Array.isArray(answer))
      throw new Error(`The server answered ${response.statusCode}.`);
  }
}

async function visits(url: string, n: number): Promise<string[]> {
  const browser = new Browser(url);
  await browser.call(['set', 'a', valueOf(n)]);
  await browser.call(['get', 'a']);
  await browser.call(['regenerate']);
  await browser.call(['login', `user-${n}`, { roles: [roleOf(n)] }]);
  await browser.call(['get', 'a'], ['set', 'b', 1], ['member', 'avatar']);
  // Often enough to be worth keeping.
  for (let times = 0; times < 3; times++) await browser.call(['get', 'a']);
  await browser.call(['service', 'listForUser', `user-${n}`]);
  // One that opens nothing, as a client may make it up.
  await browser.send(`session_id=${issueCredential(crypto.randomUUID()).cookieValue}`, ['get', 'a']);
  if (n % 4 === 1) await browser.call(['logout']);
  if (n % 4 === 2) await browser.call(['destroy']);
  return browser.secrets;
}

async function look(server: ServerProcess): Promise<Found> {
  const secrets = new Set<string>();
  for (const n of BROWSERS) for (const secret of await visits(server.url, n)) secrets.add(secret);
  const found = await server.heap();
  return {
    issued: secrets.size,
    secrets: [...secrets].filter((secret) => found.includes(secret)),
    values: BROWSERS.filter((n) => found.includes(valueOf(n))),
    roles: BROWSERS.filter((n) => found.includes(roleOf(n))),
  };
}

/** With the sessions whose values are kept in the open. */
const CASES: readonly [name: string, options: SessionModuleOptions, kept: readonly number[] | null][] = [
  // Those that were looked up last are, for a minute at most.
  ['as it is', {}, null],
  ['with encryption and without what was decrypted', { encryption: { keys: KEYS, keepOpened: false } }, []],
  // As without encryption; which of them depends on when they were looked up.
  ['with encryption', { encryption: { keys: KEYS } }, null],
  ['with a cache and encryption', { cache: { ttl: '10m' }, encryption: { keys: KEYS } }, LIVE],
];

describe('The heap of a process whose requests are answered', () => {
  const fixtures = CASES.map(([, options]) => useProcesses(1, { sweep: false, ...options }));
  let all: Found[] = [];
  beforeAll(async () => {
    all = await Promise.all(fixtures.map(({ servers }) => look(servers[0] as ServerProcess)));
  }, 120_000);

  it.each(CASES.map(([name], index) => [name, index] as const))('has no secret on it, %s', (_name, index) => {
    const { issued, secrets } = all[index] as Found;
    expect(issued).toBeGreaterThan(4 * BROWSERS.length - 1);
    expect(secrets).toEqual([]);
  });

  it.each(CASES.flatMap(([name, , kept], index) => (kept === null ? [] : [{ name, kept, index }])))(
    'has on it, $name, the values of no session in the open but of those that are live, where there is a cache',
    ({ kept, index }) => {
      const { values, roles } = all[index] as Found;
      expect([values, roles]).toEqual([kept, kept]);
    },
  );
});
