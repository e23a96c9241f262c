import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { MemorySessionStore, type SessionId, type SessionModuleOptions } from 'nestjs-mikro-session';
import type { StoreListener } from 'nestjs-mikro-session/store';
import { OperatorReports } from '../../lib/operator-reports.js';
import { parseCredential } from '../../lib/session/token.js';
import { SessionStoreUnavailableError } from '../../lib/session.errors.js';
import { resolveOptions } from '../../lib/session.options.js';
import { SessionManager } from '../../lib/session-manager.js';

const SECOND = 1_000;
const NOBODY = { ip: null, userAgent: null, assertReachable: () => {} };
const away = (operation = 'find a session') =>
  new SessionStoreUnavailableError(operation, { cause: new Error('the database did not answer within 1000 ms') });

const lines: string[] = [];
const clock = { now: 0 };
const log = {
  log: (line: string) => lines.push(`log: ${line}`),
  warn: (line: string) => lines.push(`warn: ${line}`),
  error: (line: string) => lines.push(`error: ${line}`),
};
const told = (): string[] => lines.splice(0);
const reportsOf = () => new OperatorReports(log, () => clock.now);

beforeEach(() => {
  lines.length = 0;
  clock.now = 0;
});

describe('What the operator is told', () => {
  it.each<[string, () => unknown]>([
    ['has no prototype', () => Object.create(null) as unknown],
    [
      'is a proxy that is revoked',
      () => {
        const { proxy, revoke } = Proxy.revocable({}, {});
        revoke();
        return proxy;
      },
    ],
    [
      'is an error whose message throws',
      () =>
        Object.defineProperty(new Error('no'), 'message', {
          get: () => {
            throw new Error('It is not there.');
          },
        }),
    ],
  ])('is that it cannot be looked at, where what was thrown %s', (_, thrown) => {
    reportsOf().notAwaited(thrown());
    expect(told()).toEqual([expect.stringMatching(/^error: .*cannot be looked at\.$/)]);
    reportsOf().requestFailed(thrown());
    expect(told()).toHaveLength(1);
  });

  it('is the error of the store and its cause, once, whatever the operation was, and that it answers again', () => {
    const reports = reportsOf();
    for (; clock.now < 3 * SECOND; clock.now += SECOND) {
      reports.requestFailed(away());
      reports.requestFailed(away('save a session'));
    }
    expect(told()).toEqual([
      'error: The session store could not find a session. It recovers by itself once the database answers. ' +
        'Cause: Error: the database did not answer within 1000 ms',
    ]);
    reports.storeAnswered();
    expect(told()).toEqual([]);
    clock.now = 8 * SECOND;
    reports.storeAnswered();
    reports.storeAnswered();
    expect(told()).toEqual(['log: The session store answers again. It failed 6 times in 2 s.']);
  });

  it('is each other failure once, by what it says', () => {
    const reports = reportsOf();
    for (let time = 0; time < 3; time++) {
      reports.requestFailed(new TypeError('One.'));
      reports.requestFailed(new TypeError('Two.'));
      reports.cutOff(new TypeError('One.'));
    }
    expect(told()).toEqual([
      'error: One.',
      'error: Two.',
      'error: A response was cut off, for what came after its first byte could not be stored. TypeError: One.',
    ]);
  });

  it('names sessions whose renewal is refused, and none twice', () => {
    const reports = reportsOf();
    reports.renewalRefused('a', away('renew sessions'));
    clock.now = 60 * SECOND;
    reports.renewalRefused('a', away('renew sessions'));
    reports.renewalRefused('b', away('renew sessions'));
    expect(told()).toEqual([expect.stringContaining('session a'), expect.stringContaining('session b')]);
  });

  it('names what is stored as a session and is none, each once', () => {
    const reports = reportsOf();
    for (const id of ['a', 'b', 'a']) reports.notASession(id, new Error('WRONGTYPE Operation against a key'));
    expect(told()).toEqual([
      expect.stringMatching(/^error: What is stored as session a is none, .* WRONGTYPE Operation/),
      expect.stringContaining('session b'),
    ]);
  });

  it('quotes nothing of stored data that cannot be read', () => {
    let caught: unknown;
    try {
      JSON.parse('{"card":"4111"');
    } catch (error) {
      caught = error;
    }
    reportsOf().unreadable('a', 'data', caught);
    expect(told()).toEqual([
      'error: The stored data of session a cannot be read, and counts as empty. It is not JSON.',
    ]);
  });

  it.each<[string, SessionModuleOptions, string]>([
    [
      'the defaults',
      {},
      'Sessions are ready. store: a store; idle timeout 30m, absolute timeout 12h; cookie: session_id (Path=/, HttpOnly, ' +
        'Secure over HTTPS, SameSite=lax, persistent); cache: off; encryption: off; renewals written every 1s; ' +
        'pages of other origins refused: over WebSockets alone (allowed: none); sweep: every 15m; store operations: 1s at most, then 503.',
    ],
    [
      'others',
      {
        idleTimeout: '90s',
        absoluteTimeout: false,
        cookie: {
          name: '__Secure-id',
          domain: 'example.com',
          secure: true,
          sameSite: 'none',
          partitioned: true,
          persistent: false,
        },
        cache: true,
        encryption: { keys: ['0'.repeat(64)] },
        renewal: { flushEvery: 0, granularity: '1m' },
        sweep: false,
        queryTimeout: 1_500,
        onStoreError: 'anonymous',
        originCheck: { allow: ['https://a.example', 'https://b.example'] },
      },
      'Sessions are ready. store: a store; idle timeout 90s, absolute timeout none; cookie: __Secure-id (Path=/, ' +
        'Domain=example.com, HttpOnly, Secure, SameSite=none, Partitioned, until the browser is closed); cache: 4096 sessions, ' +
        'each for 5s; encryption: on; renewals written before each answer, 1m apart at least; ' +
        'pages of other origins refused: over HTTP and WebSockets (allowed: https://a.example, https://b.example); ' +
        'sweep: off; store operations: 1500ms at most, then an anonymous stand-in.',
    ],
    [
      'a header',
      { transport: 'header' },
      'Sessions are ready. store: a store; idle timeout 30m, absolute timeout 12h; header: X-Session-Token; cache: off; ' +
        'encryption: off; renewals written every 1s; pages of other origins refused: never; sweep: every 15m; store operations: 1s at most, then 503.',
    ],
  ])('is at start what is in force: %s', (_name, options, line) => {
    reportsOf().started(resolveOptions(options), 'a store');
    expect(told()).toEqual([`log: ${line}`]);
  });
});

describe('docs/operations.md', () => {
  /** How the lines begin that its tables list; what differs is a dot, or three. */
  const listed = Array.from(
    readFileSync(join(import.meta.dirname, '../../docs/operations.md'), 'utf8').matchAll(
      /^\| (.*?) +\| (?:log|warn|error) /gm,
    ),
    ([, begin]) => begin as string,
  );

  it.each<[string, (reports: OperatorReports) => void]>([
    ['the start', (reports) => reports.started(resolveOptions(), 'a store')],
    ['the store', (reports) => reports.requestFailed(away())],
    ['a response', (reports) => reports.cutOff(new Error('Late.'))],
    ['renewals', (reports) => reports.renewalsFailed(away())],
    ['a renewal', (reports) => reports.renewalRefused('a', away())],
    ['the feed', (reports) => reports.feedConnected(false)],
    ['a sweep', (reports) => reports.sweepFailed(away())],
    ['a sweep, taken over', (reports) => reports.sweepTakenOver()],
    ['a sweep, lost', (reports) => reports.sweepLost()],
    ['a limit', (reports) => reports.limitFailed(away())],
    ['data', (reports) => reports.unreadable('a', 'data', new Error('Broken.'))],
    ['a row', (reports) => reports.rowCorrupt('a', 'ttl')],
    ['what is no session', (reports) => reports.notASession('a', new Error('WRONGTYPE Operation against a key'))],
    ['sealed data', (reports) => reports.undecipherable('a', 'data')],
    ['an old session', (reports) => reports.adoptionFailed(new Error('Oops.'))],
    ['a subscriber', (reports) => reports.subscriberFailed(new Error('Oops.'))],
    ['a stand-in', (reports) => reports.writesDropped()],
    ['two cookies', (reports) => reports.twoCookies('session_id')],
    [
      'the store, back',
      (reports) =>
        over(
          () => reports.requestFailed(away()),
          () => reports.storeAnswered(),
        ),
    ],
    [
      'renewals, back',
      (reports) =>
        over(
          () => reports.renewalsFailed(away()),
          () => reports.renewed(),
        ),
    ],
    [
      'the feed, back',
      (reports) =>
        over(
          () => reports.feedConnected(false),
          () => reports.feedConnected(true),
        ),
    ],
    [
      'a sweep, back',
      (reports) =>
        over(
          () => reports.sweepFailed(away()),
          () => reports.swept(),
        ),
    ],
  ])('lists each line: %s', (_name, report) => {
    report(reportsOf());
    const [line = ''] = told();
    const words = line.replace(/^\w+: /, '');
    const isListed = (begin: string): boolean => {
      const [first = '', ...rest] = begin.split('…').map((part) => part.trim());
      return words.startsWith(first) && rest.every((part) => words.includes(part));
    };
    expect(listed.filter(isListed)).toHaveLength(1);
  });

  function over(begin: () => void, end: () => void): void {
    begin();
    told();
    clock.now += 5 * SECOND;
    end();
  }
});

describe('SessionManager', () => {
  /** A store whose reports, and failures, a test makes. */
  class FailingStore extends MemorySessionStore {
    listener: StoreListener | null = null;
    error: Error | null = null;
    override open(listener: StoreListener): Promise<void> {
      this.listener = listener;
      return Promise.resolve();
    }
    override find(id: SessionId) {
      return this.error === null ? super.find(id) : Promise.reject(this.error);
    }
  }
  const credential = parseCredential(`01890a5d-ac96-774b-bcce-b302099a8057.${'A'.repeat(43)}`);

  const start = async (options: SessionModuleOptions = {}) => {
    const resolved = resolveOptions({ sweep: false, ...options });
    const store = new FailingStore(resolved);
    const manager = new SessionManager(store, resolved, reportsOf());
    await manager.start();
    const look = async () => manager.open(credential === null ? [] : [credential], NOBODY);
    return { store, manager, look, listener: store.listener as StoreListener };
  };

  it('names the store at start', async () => {
    await start();
    expect(told()).toEqual([expect.stringContaining('store: FailingStore;')]);
  });

  it('takes a look-up for an answer of the store, unless the cache may have given it', async () => {
    for (const cache of [false, true]) {
      const { manager, look, listener } = await start({ cache });
      manager.reports.requestFailed(away());
      clock.now += 5 * SECOND;
      told();
      await look();
      expect(told()).toEqual(cache ? [] : ['log: The session store answers again. It failed once.']);
      listener.renewed([]);
      expect(told()).toEqual(cache ? ['log: The session store answers again. It failed once.'] : []);
    }
  });

  it('takes no look-up that fails for an answer', async () => {
    const { manager, store, look } = await start();
    manager.reports.requestFailed(away());
    told();
    clock.now = 5 * SECOND;
    store.error = away();
    await expect(look()).rejects.toBe(store.error);
    expect(told()).toEqual([]);
  });

  it('tells of renewals that are not written, and are again', async () => {
    const { listener } = await start();
    told();
    for (let time = 0; time < 5; time++) listener.renewalFailed(away('renew sessions'));
    expect(told()).toEqual([expect.stringMatching(/^warn: Expiries are not renewed .* Cause: Error: the database/)]);
    listener.renewed([]);
    expect(told()).toEqual(['log: Expiries are renewed again. It failed 5 times.']);
  });

  it('tells of the feed that is lost, and connected again; not of the first connection', async () => {
    const { listener } = await start();
    told();
    listener.feedConnected(true);
    expect(told()).toEqual([]);
    for (let attempt = 0; attempt < 3; attempt++) listener.feedConnected(false);
    expect(told()).toEqual([expect.stringMatching(/^warn: Changes of other processes are not received/)]);
    listener.feedConnected(true);
    expect(told()).toEqual([expect.stringMatching(/^log: Changes of other processes are received again/)]);
  });
});
