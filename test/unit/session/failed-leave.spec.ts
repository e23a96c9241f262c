import { beforeEach, describe, expect, it } from '@jest/globals';
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
});
