import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { SessionStoreUnavailableError } from '../../../lib/session.errors.js';
import { idOf, issued, TestSessions } from './sessions.js';

type Open = Awaited<ReturnType<TestSessions['open']>>;
// oxlint-disable-next-line typescript/no-explicit-any -- data of any shape
type Data = any;

const down = new SessionStoreUnavailableError('reach the database');

describe('Operations that were called for while the session was being left, which then fails', () => {
  let sessions: TestSessions;
  let cookie: string;
  let session: Open;

  beforeEach(async () => {
    sessions = new TestSessions();
    cookie = await sessions.begun({ cart: { items: ['of ada'] }, n: 1 }, 'ada');
    session = await sessions.open(cookie);
  });

  /** Leaves it, in vain. */
  function fail(method: 'delete' | 'login', leave: () => Promise<void>): Promise<unknown> {
    sessions.store.fail(method, down);
    const leaving = leave().catch((error: unknown) => error);
    sessions.store.mend(method);
    return leaving;
  }
  const failures: [string, () => Promise<unknown>][] = [
    ['logout()', () => fail('delete', () => session.logout())],
    ['login() of the same', () => fail('login', () => session.login('bob'))],
    ['restart()', () => fail('login', () => session.restart())],
    [
      'logout(), twice',
      () => {
        sessions.store.fail('delete', down);
        return Promise.allSettled([session.logout(), session.logout()]);
      },
    ],
  ];

  describe.each(failures)('%s', (_name, leave) => {
    it.each<[string, () => Promise<unknown>]>([
      ['login()', () => session.login('bob')],
      ['save()', () => session.save()],
      ['update()', () => session.update((data) => void (data['at'] = 1))],
      ['reload()', () => session.reload()],
      ['regenerate()', () => session.regenerate()],
    ])(
      '%s fails as well, and all that was written is there, beside what parallel requests have stored',
      async (_operation, run) => {
        session.set('diary', 'of ada');
        expect((session.data as Data).n).toBe(1);
        const other = await sessions.open(cookie);
        other.increment('n', 4);
        await other.settle(true);
        const leaving = leave();
        session.set('wish', 1);
        const running = run();
        session.set('late', 2);
        await expect(running).rejects.toBe(down);
        await leaving;
        expect([session.userId, session.get('late')]).toEqual(['ada', 2]);
        await session.settle(true);
        const cart = { items: ['of ada'] };
        expect(await sessions.store.dataOf(idOf(cookie))).toEqual({ cart, n: 5, diary: 'of ada', wish: 1, late: 2 });
      },
    );

    it('what was added is added to what is there', async () => {
      session.increment('n', 2);
      session.set('of', [{ id: 1 }]);
      const leaving = leave();
      session.increment('n', 5);
      session.increment('visits');
      session.push('of', { id: 2 });
      session.push('seen', 'a');
      session.push('cart', 'of nobody');
      await leaving;
      const data = { n: 8, visits: 1, of: [{ id: 1 }, { id: 2 }], seen: ['a'], cart: ['of nobody'] };
      expect(session.toJSON()).toEqual(data);
      const other = await sessions.open(cookie);
      other.increment('n', 10);
      await other.settle(true);
      sessions.store.mend('delete');
      await session.settle(true);
      expect(await sessions.store.dataOf(idOf(cookie))).toEqual({ ...data, n: 18 });
    });

    it('what was written over what is there, and cannot be stored, is refused at the end', async () => {
      const leaving = leave();
      session.push('of', 1n);
      session.increment('n', 5);
      await leaving;
      await expect(session.save()).rejects.toThrow('of.0');
    });

    it('what ends the session is done', async () => {
      const leaving = leave();
      session.set('wish', 1);
      sessions.store.mend('delete');
      await session.destroy();
      await leaving;
      expect([await sessions.store.stored(idOf(cookie)), session.toJSON()]).toEqual([null, {}]);
    });
  });

  it('login() of a third user: nothing is there of the first, nor what was written for the second', async () => {
    const leaving = fail('login', () => session.login('carol'));
    session.set('wish', 'of carol');
    const login = session.login('bob');
    session.set('late', 2);
    await leaving;
    await login;
    expect([session.userId, session.toJSON()]).toEqual(['bob', { late: 2 }]);
  });

  it('login() that fails as well: everything is there', async () => {
    const leaving = fail('delete', () => session.logout());
    session.set('wish', 1);
    sessions.store.fail('login', down);
    const login = session.login('bob').catch(() => {});
    session.set('late', 2);
    await leaving;
    await login;
    expect([session.userId, session.toJSON()]).toEqual([
      'ada',
      { cart: { items: ['of ada'] }, n: 1, wish: 1, late: 2 },
    ]);
    await session.settle(true);
    expect(await sessions.store.dataOf(idOf(cookie))).toMatchObject({ n: 1, wish: 1, late: 2 });
  });

  it('login() of a third user stores nothing that was written for the second, or for the first', async () => {
    session.set('diary', 'of ada');
    const leaving = fail('delete', () => session.logout());
    const second = session.login('bob').catch((error: unknown) => error);
    session.set('secret', 'of bob');
    const saving = session.save().catch((error: unknown) => error);
    const third = session.login('carol');
    session.set('wish', 'of carol');
    expect([await leaving, await second, await saving, await third]).toEqual([down, down, down, undefined]);
    await session.settle(true);
    expect(session.userId).toBe('carol');
    expect(await sessions.store.dataOf(idOf(issued(session)))).toEqual({ wish: 'of carol' });
  });

  it('login() once that is known leaves the user who is there', async () => {
    session.set('diary', 'of ada');
    const leaving = fail('delete', () => session.logout());
    const updating = session.update((data) => void (data['seen'] = 1)).catch(() => {});
    await leaving;
    const second = session.login('bob');
    session.set('wish', 'of bob');
    const third = session.login('carol');
    session.set('late', 'of carol');
    await Promise.all([updating, second, third]);
    await session.settle(true);
    expect(await sessions.store.dataOf(idOf(issued(session)))).toEqual({ late: 'of carol' });
  });

  it.each<[string, (one: Open) => Promise<unknown>]>([
    ['login()', (one) => one.login('bob')],
    ['restart()', (one) => one.restart()],
  ])('%s that is refused before the store is asked leaves everything there', async (_name, run) => {
    const tooLate = new Error('the headers are out');
    let isSent = false;
    const assertReachable = (): void => {
      if (isSent) throw tooLate;
    };
    const late = await sessions.open(cookie, { assertReachable });
    late.set('diary', 'of ada');
    isSent = true;
    const leaving = run(late).catch((error: unknown) => error);
    late.set('wish', 1);
    // It is known by now that nothing follows.
    await late.save();
    expect(await leaving).toBe(tooLate);
    expect(await sessions.store.dataOf(idOf(cookie))).toMatchObject({ n: 1, diary: 'of ada', wish: 1 });
  });

  it('login() that is to begin another session, as this one has gone meanwhile, has none of what was there', async () => {
    const data = session.data as Data;
    expect(data.n).toBe(1);
    await sessions.store.delete(idOf(cookie), null);
    sessions.store.fail('create', down);
    const leaving = session.login('bob').catch((error: unknown) => error);
    session.set('wish', 'of bob');
    const saving = session.save().catch((error: unknown) => error);
    expect([await leaving, await saving]).toEqual([down, down]);
    expect([session.userId, session.toJSON()]).toEqual([null, { wish: 'of bob' }]);
    sessions.store.mend('create');
    expect(session.data).toBe(data);
    data.late = 1;
    await session.settle(true);
    expect(await sessions.store.dataOf(idOf(issued(session)))).toEqual({ wish: 'of bob', late: 1 });
  });

  it('login() of others that are to begin another session, and fail as well, leave the object that the application holds', async () => {
    const data = session.data as Data;
    await sessions.store.delete(idOf(cookie), null);
    sessions.store.fail('create', down);
    for (const user of ['bob', 'carol']) await expect(session.login(user)).rejects.toBe(down);
    sessions.store.mend('create');
    data.late = 1;
    const updating = session.update((draft: Data) => void (draft.u = 1));
    data.later = 2;
    await updating;
    await session.settle(true);
    expect(await sessions.store.dataOf(idOf(issued(session)))).toEqual({ late: 1, u: 1, later: 2 });
  });

  it('login() of an anonymous visitor is of an anonymous visitor still, if it fails while others are queued', async () => {
    const visitor = await sessions.open(await sessions.begun({ cart: 1 }));
    const leaving = fail('login', () => visitor.login('ada'));
    const saving = visitor.save();
    await leaving;
    await visitor.login('bob');
    await saving;
    expect(await sessions.store.dataOf(idOf(issued(visitor)))).toEqual({ cart: 1 });
  });

  it.each<[string, () => Promise<unknown>]>([
    ['update()', () => session.update((data) => void (data['u'] = 1))],
    ['update() that changes nothing', () => session.update(() => {})],
    ['reload()', () => session.reload()],
  ])('%s that was under way by then does not hide what is changed in place afterwards', async (_name, run) => {
    const data = session.data as Data;
    const running = run();
    sessions.store.fail('delete', down);
    await expect(session.logout()).rejects.toBe(down);
    await running;
    expect(session.data).toBe(data);
    data.notice = 'You are still signed in.';
    delete data.n;
    expect(session.isModified).toBe(true);
    await session.settle(true);
    expect(await sessions.store.dataOf(idOf(cookie))).toEqual({ ...data });
    data.cart.items.push('late');
    await session.settle(true);
    expect(await sessions.store.dataOf(idOf(cookie))).toMatchObject({ cart: { items: ['of ada', 'late'] } });
  });

  it('update() before a destroy() that fails is not lost', async () => {
    const visitor = await sessions.open();
    expect(visitor.data).toEqual({});
    const updating = visitor.update((data) => void (data['n'] = 1));
    sessions.store.fail('delete', down);
    await expect(visitor.destroy()).rejects.toBe(down);
    await updating;
    await visitor.settle(true);
    expect(await sessions.store.dataOf(idOf(issued(visitor)))).toEqual({ n: 1 });
  });
});

describe('The end of a request while the session is being left by another part of it', () => {
  let sessions: TestSessions;
  let cookie: string;
  let session: Open;
  beforeEach(async () => {
    sessions = new TestSessions();
    cookie = await sessions.begun({ n: 1 }, 'ada');
    session = await sessions.open(cookie);
    session.set('diary', 'of ada');
  });
  const goOn = async (): Promise<void> => {
    await new Promise<void>((resolve) => session.save(() => resolve()));
    const login = session.login('bob');
    session.set('wish', 'of bob');
    await login;
  };

  it.each([true, false])(
    'stores, or drops, what is written until then, and nothing of what follows: commits %s',
    async (commits) => {
      const commit = jest.spyOn(sessions.store, 'commit');
      const goingOn = goOn();
      await session.settle(commits);
      await goingOn;
      const sent = commit.mock.calls.map(([, , changes]) => [...(changes.data?.set.keys() ?? [])]);
      expect(sent).toEqual([['diary']]);
      await session.settle(true);
      expect(await sessions.store.dataOf(idOf(issued(session)))).toEqual({ wish: 'of bob' });
    },
  );

  it('stores all of it where that fails', async () => {
    sessions.store.fail('login', down);
    const goingOn = goOn().catch((error: unknown) => error);
    await Promise.resolve(session.settle(true)).catch(() => {});
    expect(await goingOn).toBe(down);
    await session.settle(true);
    expect(await sessions.store.dataOf(idOf(cookie))).toEqual({ n: 1, diary: 'of ada', wish: 'of bob' });
  });
});
