import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { CookieJar } from 'tough-cookie';
import { startLocalPostgres } from '../../sample-app/local-postgres.js';
import { createDatabase, type TestDatabase } from '../support/database.js';

const MAIN = resolve('sample-app/dist/main.js');

let database: TestDatabase;
const processes = new Set<ChildProcess>();

beforeAll(async () => {
  database = await createDatabase();
});

afterAll(async () => {
  await killAll();
  await database.drop();
});

/** How a process ended, and what it said. */
interface Ending {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The sample app, as a process of its own. */
interface Shop {
  readonly process: ChildProcess;
  readonly url: string;
  readonly ended: Promise<Ending>;
}

function launch(env: Record<string, string>): { process: ChildProcess; open: Promise<string>; ended: Promise<Ending> } {
  const child = spawn(process.execPath, [MAIN], {
    env: { ...process.env, ...env },
    cwd: tmpdir(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  processes.add(child);
  let stdout = '';
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const open = new Promise<string>((found) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      const url = /open at (http:\S+)\n/.exec(stdout)?.[1];
      if (url !== undefined) found(url);
    });
  });
  const ended = once(child, 'close').then(([code]) => {
    processes.delete(child);
    return { code: code as number | null, stdout, stderr };
  });
  return { process: child, open, ended };
}

async function start(env: Record<string, string> = {}): Promise<Shop> {
  const { process: child, open, ended } = launch({ DATABASE_URL: database.url, PORT: '0', ...env });
  const failed = ended.then(({ stderr }): never => {
    throw new Error(`The sample app ended before it was ready. ${stderr}`);
  });
  const url = await Promise.race([open, failed]);
  failed.catch(() => {});
  return { process: child, url, ended };
}

async function kill(child: ChildProcess): Promise<void> {
  const closed = once(child, 'close');
  child.kill('SIGKILL');
  await closed;
}

async function killAll(): Promise<void> {
  await Promise.all(Array.from(processes, kill));
}

/** Somebody who clicks through the shop; goes where redirects lead, and presses only buttons that are there. */
class Browser {
  path = '';
  status = 0;
  html = '';
  userAgent = 'a test';
  readonly #jar: CookieJar;
  readonly #url: string;

  constructor(url: string, jar = new CookieJar()) {
    this.#url = url;
    this.#jar = jar;
  }

  /** Another tab of the same browser, maybe in front of another process. */
  tab(url = this.#url): Browser {
    return new Browser(url, this.#jar);
  }

  async open(path: string): Promise<this> {
    return this.#send('GET', path);
  }

  async submit(path: string, fields: Record<string, string> = {}): Promise<this> {
    return this.#send('POST', path, new URLSearchParams(fields));
  }

  async press(label: string, fields: Record<string, string> = {}): Promise<this> {
    for (const [, action, content] of this.html.matchAll(/<form[^>]* action="([^"]*)"[^>]*>(.*?)<\/form>/gs)) {
      if (!content?.includes(`>${label}</button>`) && !content?.includes(`aria-label="${label}"`)) continue;
      const hidden = content.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g);
      const known = Object.fromEntries(Array.from(hidden, ([, name, value]) => [name, value])) as Record<
        string,
        string
      >;
      return this.submit(action as string, { ...known, ...fields });
    }
    throw new Error(`There is no button "${label}" on ${this.path}.`);
  }

  async signIn(user: string, password: string, fields: Record<string, string> = {}): Promise<this> {
    await this.open('/login');
    return this.press('Sign in', { user, password, ...fields });
  }

  /** The flash messages on the page, as `category: text`. */
  get flashes(): string[] {
    return Array.from(
      this.html.matchAll(/<p class="flash (\w+)" role="status">(.*?)<\/p>/gs),
      ([, category, text]) => `${category}: ${text?.trim()}`,
    );
  }

  /** What is in the cart, as on its page. */
  async cart(): Promise<{ lines: string[]; total: string | undefined }> {
    await this.open('/cart');
    const rows = this.html.matchAll(/<td>([^<]+)<\/td>.*?name="quantity".*?value="(\d+)"/gs);
    const total = /Total.*?<strong>(.*?)<\/strong>/s.exec(this.html)?.[1];
    return { lines: Array.from(rows, ([, name, quantity]) => `${quantity} × ${name}`), total };
  }

  /** The ids of the other devices, as the links that end them say. */
  get otherDevices(): string[] {
    return Array.from(this.html.matchAll(/action="\/devices\/([^/"]+)\/sign-out"/g), ([, id]) => id as string);
  }

  async #send(method: string, path: string, body?: URLSearchParams): Promise<this> {
    const cookie = await this.#jar.getCookieString(this.#url);
    const response = await fetch(this.#url + path, {
      method,
      redirect: 'manual',
      headers: { cookie, 'user-agent': this.userAgent },
      ...(body && { body }),
    });
    for (const line of response.headers.getSetCookie()) await this.#jar.setCookie(line, this.#url);
    this.path = path;
    this.status = response.status;
    this.html = await response.text();
    const location = response.headers.get('location');
    if (location === null) return this;
    if (!/^\/(?![/\\])/.test(location)) throw new Error(`Redirected to another site: ${location}`);
    return this.#send('GET', location);
  }
}

describe('a visitor', () => {
  let url: string;

  beforeAll(async () => {
    ({ url } = await start());
  });

  it('fills a cart, signs in with it, sees the profile, and signs out', async () => {
    const browser = new Browser(url);
    await browser.open('/');
    await browser.press('Add to cart: Mug');
    expect(browser.flashes).toEqual(['success: Mug: now in your cart.']);
    await browser.press('Add to cart: Desk lamp');
    expect(browser.flashes).toEqual(['success: Desk lamp: now in your cart.']);
    expect((await browser.open('/')).flashes).toEqual([]);
    const filled = { lines: ['1 × Mug', '1 × Desk lamp'], total: '€73.50' };
    expect(await browser.cart()).toEqual(filled);

    await browser.open('/profile');
    expect(browser.path).toBe('/login?next=%2Fprofile');
    expect(browser.flashes).toEqual(['info: Please sign in to go on.']);
    await browser.press('Sign in', { user: 'ada', password: 'engine' });
    expect(browser.path).toBe('/profile');
    expect(browser.flashes).toEqual(['success: Welcome, Ada Lovelace!']);
    expect(browser.html).toMatch(/<h1>Ada Lovelace<\/h1>.*>customer<.*>editor</s);
    expect(await browser.cart()).toEqual(filled);

    await browser.press('Sign out');
    expect(browser.flashes).toEqual(['info: You have signed out.']);
    expect(await browser.cart()).toEqual({ lines: [], total: undefined });
    expect((await browser.open('/profile')).path).toBe('/login?next=%2Fprofile');
  });

  it('changes quantities and removes things', async () => {
    const browser = new Browser(url);
    await browser.submit('/cart/add', { product: 'mug' });
    await browser.submit('/cart/add', { product: 'plant' });
    await browser.open('/cart');
    await browser.press('Change', { quantity: '3' });
    expect(await browser.cart()).toEqual({ lines: ['3 × Mug', '1 × House plant'], total: '€62.40' });
    await browser.press('Change', { quantity: 'many' });
    expect(browser.flashes).toEqual(['warning: How many of Mug? Please enter a number.']);
    await browser.press('Remove');
    expect(await browser.cart()).toEqual({ lines: ['1 × House plant'], total: '€18.90' });
    expect((await browser.submit('/cart/add', { product: '__proto__' })).status).toBe(404);
  });

  it('may click faster than the shop answers', async () => {
    const browser = new Browser(url);
    await browser.submit('/cart/add', { product: 'mug' });
    const clicks = [1, 2, 3, 4, 5].map(() => browser.tab().submit('/cart/add', { product: 'mug' }));
    await Promise.all(clicks);
    expect(await browser.cart()).toEqual({ lines: ['6 × Mug'], total: '€87.00' });
  });

  it('is told how many attempts to sign in failed', async () => {
    const browser = new Browser(url);
    for (const count of [1, 2]) {
      await browser.signIn('ada', 'guess');
      expect(browser.path).toBe('/login?next=%2F');
      expect(browser.flashes).toEqual([`error: That name and password do not match. Failed attempts: ${count}.`]);
    }
    await browser.signIn('nobody', '');
    await browser.signIn('ada', 'engine');
    expect(browser.flashes).toEqual([
      'success: Welcome, Ada Lovelace!',
      'warning: Failed attempts to sign in before: 3.',
    ]);
    await browser.signIn('ada', 'guess');
    expect(browser.flashes[0]).toMatch(/Failed attempts: 1\.$/);
  });

  it('stays signed in for 30 days where that was asked for', async () => {
    const ttl = async (fields: Record<string, string>): Promise<unknown> => {
      await database.query('delete from sessions');
      await new Browser(url).signIn('ada', 'engine', fields);
      return (await database.query('select ttl::float8 from sessions where user_id is not null'))[0]?.['ttl'];
    };
    expect(await ttl({ remember: 'yes' })).toBe(30 * 24 * 60 * 60 * 1_000);
    expect(await ttl({})).toBe(2 * 60 * 60 * 1_000);
  });

  it.each([
    '//evil.example/cart',
    '/\\evil.example/cart',
    '/\t/evil.example/cart',
    '/.//evil.example/cart',
    'https://evil.example/cart',
  ])('is not sent to another site after login: %j', async (next) => {
    const browser = new Browser(url);
    await browser.open(`/login?${new URLSearchParams({ next }).toString()}`);
    await browser.press('Sign in', { user: 'ada', password: 'engine' });
    expect(browser.path).toBe('/');
    await browser.submit('/login', { user: 'ada', password: 'engine', next });
    expect(browser.path).toBe('/');
  });

  it('cannot put markup into a page', async () => {
    const browser = new Browser(url);
    browser.userAgent = `"><script>alert('1')</script>`;
    await browser.signIn('ada', 'engine');
    await browser.open('/devices');
    expect(browser.html).toContain('title="&#34;&#62;&#60;script&#62;alert(&#39;1&#39;)&#60;/script&#62;"');
    expect(browser.html).not.toContain('<script');
  });
});

describe('the devices of a user', () => {
  let url: string;

  beforeAll(async () => {
    ({ url } = await start());
    await database.query('delete from sessions');
  });

  it('are listed, and end where and when their user says so', async () => {
    const [desk, phone, stranger] = [new Browser(url), new Browser(url), new Browser(url)];
    phone.userAgent = 'Mozilla/5.0 (Android 16; Mobile; rv:150.0) Gecko/150.0 Firefox/150.0';
    await desk.signIn('ada', 'engine');
    await phone.signIn('ada', 'engine');
    await stranger.signIn('grace', 'compiler');

    await desk.open('/devices');
    expect(desk.otherDevices).toHaveLength(1);
    expect(desk.html).toMatch(/Firefox on Android.*127\.0\.0\.1/s);
    expect(desk.html.match(/This device/g)).toHaveLength(1);
    await desk.press('Sign out there');
    expect(desk.flashes).toEqual(['success: Signed out there.']);
    expect(desk.otherDevices).toEqual([]);
    expect((await phone.open('/profile')).path).toBe('/login?next=%2Fprofile');
    expect((await stranger.open('/profile')).path).toBe('/profile');

    await phone.signIn('ada', 'engine');
    await desk.open('/devices');
    await desk.press('Sign out everywhere else');
    expect(desk.flashes).toEqual(['success: Signed out on one other device.']);
    expect((await phone.open('/profile')).path).toBe('/login?next=%2Fprofile');
    expect((await desk.open('/profile')).path).toBe('/profile');
    expect((await stranger.open('/profile')).path).toBe('/profile');
  });

  it('are nobody else’s to end', async () => {
    const [desk, stranger] = [new Browser(url), new Browser(url)];
    await desk.signIn('ada', 'engine');
    await stranger.signIn('grace', 'compiler');
    const [row] = await database.query<{ id: string }>(
      `select id from sessions where user_id = 'ada' order by created_at desc limit 1`,
    );
    await stranger.submit(`/devices/${row?.id}/sign-out`);
    expect(stranger.flashes).toEqual(['error: You are not signed in there.']);
    expect((await desk.open('/profile')).path).toBe('/profile');
    await new Browser(url).submit(`/devices/${row?.id}/sign-out`);
    expect((await desk.open('/profile')).path).toBe('/profile');
    await desk.submit(`/devices/${row?.id}/sign-out`);
    expect(desk.flashes).toEqual(['error: That is here; use “Sign out” instead.']);
    expect((await desk.open('/profile')).path).toBe('/profile');
  });
});

describe('the process', () => {
  afterEach(killAll);

  it('may be killed: who was signed in still is, and the cart is intact', async () => {
    const first = await start();
    const browser = new Browser(first.url);
    await browser.submit('/cart/add', { product: 'clock' });
    await browser.signIn('ada', 'engine');
    await kill(first.process);

    const again = browser.tab((await start()).url);
    expect(await again.cart()).toEqual({ lines: ['1 × Wall clock'], total: '€37.50' });
    expect((await again.open('/profile')).path).toBe('/profile');
  });

  it('may be one of several, which see each other’s changes at once', async () => {
    const [one, two] = await Promise.all([start(), start()]);
    const here = new Browser(one.url);
    const there = here.tab(two.url);
    await here.signIn('ada', 'engine');
    await here.submit('/cart/add', { product: 'mug' });
    await there.submit('/cart/add', { product: 'mug' });
    await here.submit('/cart/add', { product: 'bag' });
    const filled = { lines: ['2 × Mug', '1 × Canvas bag'], total: '€53.00' };
    expect(await there.cart()).toEqual(filled);
    expect(await here.cart()).toEqual(filled);

    const phone = new Browser(two.url);
    await phone.signIn('ada', 'engine');
    expect((await phone.open('/profile')).path).toBe('/profile');
    const [row] = await database.query<{ id: string }>('select id from sessions order by created_at desc limit 1');
    await here.open('/devices');
    expect(here.otherDevices).toContain(row?.id);
    await here.submit(`/devices/${row?.id}/sign-out`);
    expect((await phone.open('/profile')).path).toBe('/login?next=%2Fprofile');
    expect((await there.open('/profile')).path).toBe('/profile');
  });

  it('migrates an empty database once, whoever starts first', async () => {
    const empty = await createDatabase();
    try {
      await Promise.all([1, 2, 3].map(() => start({ DATABASE_URL: empty.url })));
      expect(await empty.query('select name from mikro_orm_migrations')).toEqual([
        { name: 'Migration20261120_sessions' },
      ]);
    } finally {
      await killAll();
      await empty.drop();
    }
  });

  it('says in one sentence that its port is busy', async () => {
    const { port } = new URL((await start()).url);
    const { code, stdout, stderr } = await launch({ DATABASE_URL: database.url, PORT: port }).ended;
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toBe(
      `Port ${port} is in use by another program; choose another one: PORT=${Number(port) + 1} npm start\n`,
    );
  });

  it('says in one line that its database cannot be reached, without the password', async () => {
    const { code, stdout, stderr } = await launch({ DATABASE_URL: 'postgresql://ada:secret@127.0.0.1:1/shop' }).ended;
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^Cannot reach the database .*ECONNREFUSED 127\.0\.0\.1:1.*\n$/);
    expect(stderr).not.toContain('secret');
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('ends with exit code 0 on %s, whoever is still connected', async (signal) => {
    const shop = await start();
    // Neither a silent connection, which Node would close after a minute, nor a kept one may hold it up.
    const silent = connect(Number(new URL(shop.url).port), '127.0.0.1').on('error', () => {});
    await once(silent, 'connect');
    const browser = new Browser(shop.url);
    await browser.signIn('ada', 'engine');
    const lastAccess = async (): Promise<unknown> =>
      (await database.query('select last_access_at::text from sessions order by created_at desc limit 1'))[0];
    const before = await lastAccess();
    await browser.open('/style.css');
    await browser.open('/profile');

    shop.process.kill(signal);
    const { code, stderr } = await shop.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(await lastAccess()).not.toEqual(before);
    silent.destroy();
  });
});

describe('a PostgreSQL of its own', () => {
  it('is started once for all who come at the same moment, and stopped by the last to leave', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sample-app-test-'));
    await chmod(folder, 0o755);
    const guests = await Promise.all([1, 2, 3].map(() => startLocalPostgres(folder)));
    const urls = await Promise.all(guests.map((guest) => guest.url('shop')));
    expect(new Set(urls).size).toBe(1);
    const isRunning = async (): Promise<boolean> => {
      const client = new pg.Client({ connectionString: urls[0] });
      try {
        await client.connect();
        await client.end();
        return true;
      } catch {
        return false;
      }
    };
    for (const guest of guests) {
      expect(await isRunning()).toBe(true);
      await guest.release();
    }
    expect(await isRunning()).toBe(false);
    await rm(folder, { recursive: true });
  });
});
