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
    it('login(): nothing of the user before is there, and all that was written for the next', async () => {
      const leaving = leave();
      session.set('wish', 1);
      const login = session.login('bob');
      session.set('late', 2);
      await leaving;
      await login;
      expect([session.userId, session.toJSON()]).toEqual(['bob', { wish: 1, late: 2 }]);
      const cart: Data = (session.data as Data).cart ?? { items: [] };
      cart.items.push('of bob');
      session.set('cart', cart);
      await session.settle(true);
      expect(await sessions.store.dataOf(idOf(issued(session)))).toEqual({
        wish: 1,
        late: 2,
        cart: { items: ['of bob'] },
      });
    });

    it.each<[string, () => Promise<unknown>, object]>([
      ['save()', () => session.save(), { n: 5, lang: 'de' }],
      ['update()', () => session.update((data) => void (data['at'] = 1)), { n: 5, lang: 'de', at: 1 }],
      // Which drops what was written before it.
      ['reload()', () => session.reload(), { n: 5 }],
    ])('%s: what a parallel request has stored stays', async (_operation, run, stored) => {
      expect((session.data as Data).n).toBe(1);
      const other = await sessions.open(cookie);
      other.increment('n', 4);
      await other.settle(true);
      const leaving = leave();
      session.set('lang', 'de');
      const running = run();
      await leaving;
      await running;
      await session.settle(true);
      expect(await sessions.store.dataOf(idOf(cookie))).toEqual({ cart: { items: ['of ada'] }, ...stored });
      expect(session.userId).toBe('ada');
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
});
