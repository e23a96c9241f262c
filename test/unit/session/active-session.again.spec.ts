import { beforeEach, describe, expect, it } from '@jest/globals';
import { SessionDataError, SessionGoneError, SessionStoreUnavailableError } from '../../../lib/session.errors.js';
import { cookieOf, HOUR, idOf, issued, TestSessions } from './sessions.js';

type Open = Awaited<ReturnType<TestSessions['open']>>;

describe('A session that is left or begun more than once in a request', () => {
  let sessions: TestSessions;
  let cookie: string;

  beforeEach(async () => {
    sessions = new TestSessions();
    cookie = await sessions.begun({ n: 1 }, 'ada');
  });

  /** Another request ends it, and this one finds out. */
  async function gone() {
    const session = await sessions.open(cookie);
    await sessions.store.delete(idOf(cookie), null);
    await expect(session.set('n', 2).save()).rejects.toThrow(SessionGoneError);
    return session;
  }

  it('is stored under the id that it had before the login', async () => {
    const session = await sessions.open();
    const { id } = session;
    await session.login('bob');
    expect(session.id).toBe(id);
  });

  it('keeps a lifetime that is set after another user’s login was called, though that has to wait', async () => {
    const session = await sessions.open(cookie);
    const saving = session.set('n', 2).save();
    const login = session.login('bob');
    session.setTtl('2h');
    await Promise.all([saving, login]);
    expect([session.isModified, (await sessions.store.stored(session.id)).ttl]).toEqual([true, HOUR / 2]);
    await session.settle(true);
    expect((await sessions.store.stored(session.id)).ttl).toBe(2 * HOUR);
  });

  it('has a cookie that outlives the browser, or not, by its latest login', async () => {
    const session = await sessions.open(cookie);
    for (const persistent of [true, false, undefined]) {
      await session.login('ada', {}, persistent === undefined ? {} : { persistent });
      expect((await sessions.store.stored(session.id)).persistent).toBe(persistent ?? null);
    }
  });

  it('follows with its cookie a lifetime that is set after the login of a request that was overtaken', async () => {
    sessions.store.time += 1;
    await (await sessions.open(cookie)).regenerate();
    const overtaken = await sessions.open(cookie);
    await overtaken.login('ada');
    await overtaken.setTtl('1h', { absolute: '2h' }).save();
    expect(cookieOf(overtaken)).toMatchObject({ kind: 'issued', endsAt: sessions.store.time + 2 * HOUR });
  });

  it.each(['has ended meanwhile', 'is known to be gone'])(
    'begins anew with restart() where it %s, and is stored empty where the options say so',
    async (how) => {
      sessions = new TestSessions({ saveUninitialized: true });
      cookie = await sessions.begun();
      const session = how === 'is known to be gone' ? await gone() : await sessions.open(cookie);
      await sessions.store.delete(idOf(cookie), null);
      await session.restart();
      expect([await sessions.store.count(), session.isNew]).toEqual([1, true]);
      expect(idOf(issued(session))).toBe(session.id);
      expect(session.id).not.toBe(idOf(cookie));
    },
  );

  it('that is gone is counted as a conflict, and was not ended by this request', async () => {
    const session = await gone();
    expect([session.isDestroyed, sessions.environment.commits.conflicts]).toEqual([false, 1]);
  });

  it('of which another login has taken the place is told by its id', async () => {
    const told: string[] = [];
    sessions = new TestSessions({ refused: (id) => told.push(id) });
    cookie = await sessions.begun({ n: 1 });
    await (await sessions.open(cookie)).login('ada');
    await expect((await sessions.open(cookie)).set('n', 2).save()).rejects.toThrow(SessionGoneError);
    expect(told).toEqual([idOf(cookie)]);
  });

  it('reports data that is too large, though it could not be saved before for another reason', async () => {
    const session = (await sessions.open(cookie)).set('large', 'x'.repeat(2_000));
    sessions.store.fail('commit', new SessionStoreUnavailableError('save a session'));
    await expect(session.save()).rejects.toThrow(SessionStoreUnavailableError);
    sessions.store.mend('commit');
    await expect(session.settle(true)).rejects.toThrow(SessionDataError);
  });

  it('stays gone when it is ended after that: what is written then is not stored, nor reported again', async () => {
    const session = await gone();
    await session.destroy();
    session.set('n', 3);
    expect([session.isUnsaved, session.settle(true)]).toEqual([false, null]);
  });

  it('is reported as gone once, whatever is written while that is found out', async () => {
    const session = await sessions.open(cookie);
    await sessions.store.delete(idOf(cookie), null);
    const saving = session.set('n', 2).save();
    const settling = session.settle(true);
    await saving.catch(() => session.set('late', 1));
    await expect(settling).resolves.toBeUndefined();
    await expect(saving).rejects.toThrow(SessionGoneError);
  });

  it('stores at the end what is written while a save is under way that is not awaited', async () => {
    const session = await sessions.open(cookie);
    const saving = session.set('n', 2).save();
    session.set('late', 1);
    await session.settle(true);
    expect(await sessions.store.dataOf(session.id)).toEqual({ n: 2, late: 1 });
    await saving;
  });

  it('does not end with a response that fails while a save is under way, though it is empty', async () => {
    sessions = new TestSessions({ saveUninitialized: true });
    cookie = await sessions.begun({});
    const session = await sessions.open(cookie);
    const saving = session.setTtl('2h').save();
    await session.settle(false);
    await saving;
    expect([await sessions.store.count(), cookieOf(session)?.kind]).toEqual([1, 'issued']);
  });

  it('ends once where it was started over and nothing is written', async () => {
    const session = await sessions.open(cookie);
    await session.restart();
    await session.settle(true);
    expect([session.settle(true), session.settle(false)]).toEqual([null, null]);
  });

  it('does not end where it was started over and changed by update()', async () => {
    const session = await sessions.open(cookie);
    await session.restart();
    await session.update((data) => (data['fresh'] = 1));
    await session.settle(true);
    expect(await sessions.store.dataOf(session.id)).toEqual({ fresh: 1 });
  });

  it('has its cookie removed that it came with, also where what it began after that was ended elsewhere', async () => {
    const session = await sessions.open(cookie);
    await session.destroy();
    await session.set('n', 1).save();
    await sessions.store.delete(session.id, null);
    await session.destroy();
    expect(cookieOf(session)).toBeNull();
    await session.destroy();
    expect(cookieOf(session)).toEqual({ kind: 'removed' });
  });
});

describe('A commit of which nobody knows whether it was written', () => {
  let sessions: TestSessions;
  let cookie: string;
  const down = new SessionStoreUnavailableError('save a session');

  beforeEach(async () => {
    sessions = new TestSessions();
    cookie = await sessions.begun({ n: 1, list: ['a'] }, 'ada');
  });

  /** It is written, and the answer is lost. */
  function loseAnswer(): void {
    const { store } = sessions;
    const commit = store.commit.bind(store);
    Object.defineProperty(store, 'commit', {
      configurable: true,
      value: async (...args: Parameters<typeof commit>) => {
        store.mend('commit');
        await commit(...args);
        throw down;
      },
    });
  }
  const stored = () => sessions.store.dataOf(idOf(cookie));

  it.each<[string, (session: Awaited<ReturnType<TestSessions['open']>>) => unknown, object]>([
    ['an increment', (session) => session.increment('n'), { n: 2, list: ['a'] }],
    ['a push', (session) => session.push('list', 'b'), { n: 1, list: ['a', 'b'] }],
  ])('is not sent again by itself, where it holds %s', async (_what, change, expected) => {
    const session = await sessions.open(cookie);
    change(session);
    loseAnswer();
    await expect(session.save()).rejects.toBe(down);
    const once = await stored();
    expect(once).toEqual(expected);
    for (let times = 0; times < 2; times++) await expect(session.settle(true)).rejects.toBe(down);
    expect(await stored()).toEqual(once);
  });

  it('is sent again at the end where it only sets values', async () => {
    const session = await sessions.open(cookie);
    session.set('n', 5).flash('info', 'Hello');
    loseAnswer();
    await expect(session.save()).rejects.toBe(down);
    await session.settle(true);
    expect(await stored()).toMatchObject({ n: 5 });
    expect((await sessions.open(cookie)).flashes()).toHaveLength(1);
  });

  it('is sent again where the application says so, and forgotten where it drops what it has changed', async () => {
    const session = await sessions.open(cookie);
    session.increment('n');
    sessions.store.fail('commit', down);
    await expect(session.settle(true)).rejects.toBe(down);
    sessions.store.mend('commit');
    await session.save();
    await session.settle(true);
    expect(await stored()).toMatchObject({ n: 2 });
    session.increment('n');
    sessions.store.fail('commit', down);
    await expect(session.save()).rejects.toBe(down);
    sessions.store.mend('commit');
    session.discard();
    session.set('other', true);
    await session.settle(true);
    expect(await stored()).toMatchObject({ n: 2, other: true });
  });

  const add = (session: Open): void => {
    session.increment('n');
    session.push('list', 'b');
  };
  const once = { n: 2, list: ['a', 'b'] };

  it.each<[string, (session: Open) => Promise<unknown>]>([
    ['update()', (session) => session.update(() => {})],
    ['login() of the same user', (session) => session.login('ada')],
  ])('is not sent again by %s, which fails as that did', async (_name, run) => {
    const session = await sessions.open(cookie);
    add(session);
    loseAnswer();
    await expect(session.save()).rejects.toBe(down);
    for (let times = 0; times < 2; times++) await expect(run(session)).rejects.toBe(down);
    await expect(session.settle(true)).rejects.toBe(down);
    expect(await stored()).toEqual(once);
  });

  it.each<[string, (session: Open) => Promise<unknown>]>([
    ['save()', (session) => session.save()],
    ['update()', (session) => session.update(() => {})],
  ])('is not sent again by a %s that was called for before that was known', async (_name, run) => {
    const session = await sessions.open(cookie);
    add(session);
    loseAnswer();
    void session.save();
    await expect(run(session)).rejects.toBe(down);
    expect(await stored()).toEqual(once);
    await session.save();
    expect(await stored()).toEqual({ n: 3, list: ['a', 'b', 'b'] });
  });

  it('is not sent again by a save() of who cannot know of it, as nobody waited for the one before', async () => {
    const session = await sessions.open(cookie);
    add(session);
    loseAnswer();
    void session.save();
    await new Promise(setImmediate);
    session.set('step', 2);
    await expect(session.save()).rejects.toBe(down);
    expect(await stored()).toEqual(once);
    await session.save();
    expect(await stored()).toEqual({ n: 3, list: ['a', 'b', 'b'], step: 2 });
  });

  it('is not sent again by a login() that was called for at once, of a visitor whose data it keeps', async () => {
    cookie = await sessions.begun({ n: 1, list: ['a'] });
    const session = await sessions.open(cookie);
    add(session);
    loseAnswer();
    void session.save();
    await expect(session.login('bob')).rejects.toBe(down);
    expect([session.userId, await stored()]).toEqual([null, once]);
    session.discard();
    await session.login('bob');
    expect([session.userId, await stored()]).toEqual(['bob', once]);
  });

  it('is nobody’s matter where its user is replaced by another', async () => {
    const session = await sessions.open(cookie);
    add(session);
    loseAnswer();
    await session.save().catch(() => {});
    await session.login('bob');
    session.increment('n');
    await session.settle(true);
    expect(await stored()).toEqual({ n: 1 });
  });

  it.each<[string, (session: Open) => Promise<unknown>]>([
    ['the session is read anew', (session) => session.reload()],
    [
      'the values are set, by a login()',
      async (session) => {
        session.set('n', 7).set('list', ['c']);
        await session.login('ada');
      },
    ],
  ])('is forgotten once it is known what is there: %s', async (_how, know) => {
    const session = await sessions.open(cookie);
    add(session);
    loseAnswer();
    await session.save().catch(() => {});
    await know(session);
    session.increment('visits');
    await session.settle(true);
    expect(await stored()).toEqual({ ...session.toJSON(), visits: 1 });
  });
});

describe('What is not awaited', () => {
  let sessions: TestSessions;
  let cookie: string;
  const down = new SessionStoreUnavailableError('end a session');

  beforeEach(async () => {
    sessions = new TestSessions();
    cookie = await sessions.begun({ n: 1, cart: { items: [] } }, 'ada');
  });

  it.each<[string, 'delete' | 'login' | 'update', (session: Open) => unknown]>([
    ['logout()', 'delete', (session) => session.logout()],
    ['destroy()', 'delete', (session) => session.destroy()],
    ['restart()', 'login', (session) => session.restart()],
    ['login()', 'login', (session) => session.login('bob')],
    ['update()', 'update', (session) => session.update((data) => void (data['n'] = 2))],
  ])('fails the end of the request where it fails: %s', async (_what, operation, act) => {
    const session = await sessions.open(cookie);
    sessions.store.fail(operation, down);
    void act(session);
    session.set('user', 'bob');
    await expect(session.settle(true)).rejects.toBe(down);
    await session.settle(false);
    expect(await sessions.store.dataOf(idOf(cookie))).toEqual({ n: 1, cart: { items: [] } });
  });

  it('fails the end of the request where it begins while that waits for another', async () => {
    const session = await sessions.open(cookie);
    sessions.store.fail('delete', down);
    const chain = async (): Promise<void> => {
      await session.update((data) => void (data['n'] = 2));
      void session.logout();
    };
    void chain();
    await expect(session.settle(true)).rejects.toBe(down);
  });

  it('fails no request whose handler has seen it fail', async () => {
    const session = await sessions.open(cookie);
    sessions.store.fail('delete', down);
    await expect(session.logout()).rejects.toBe(down);
    sessions.store.mend('delete');
    await session.set('n', 2).settle(true);
    expect(await sessions.store.dataOf(idOf(cookie))).toMatchObject({ n: 2 });
  });
});
