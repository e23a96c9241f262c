import { beforeEach, describe, expect, it } from '@jest/globals';
import { SessionDataError, SessionStoreUnavailableError } from '../../../lib/session.errors.js';
import { idOf, TestSessions } from './sessions.js';

type Open = Awaited<ReturnType<TestSessions['open']>>;

const down = new SessionStoreUnavailableError('reach the database');

describe.each([true, false])('A getter on the data that throws (configurable: %s)', (configurable) => {
  let sessions: TestSessions;
  let cookie: string;
  let session: Open;
  const define = (): void => {
    const get = (): never => {
      throw new Error('of the application');
    };
    Object.defineProperty(session.data, 'bad', { get, enumerable: true, configurable });
  };

  beforeEach(async () => {
    sessions = new TestSessions();
    cookie = await sessions.begun({ n: 1 }, 'ada');
    session = await sessions.open(cookie);
  });

  const leaves: [string, 'delete' | 'login', () => Promise<unknown>][] = [
    ['logout()', 'delete', () => session.logout()],
    ['destroy(callback)', 'delete', () => called((callback) => session.destroy(callback))],
    ['login() of another user', 'login', () => session.login('bob')],
    ['restart(callback)', 'login', () => called((callback) => void session.restart(callback as never))],
  ];
  const called = (method: (callback: (error?: unknown) => void) => void): Promise<void> =>
    new Promise((resolve, reject) => method((error) => (error === undefined ? resolve() : reject(error as Error))));

  it.each(leaves)('keeps nobody from leaving the session: %s', async (_name, _method, leave) => {
    define();
    await leave();
    session.set('fresh', 1);
    await session.settle(true);
    expect(session.toJSON()).toEqual({ fresh: 1 });
  });

  it.each(leaves)('is refused at the end, where leaving it fails: %s', async (_name, method, leave) => {
    define();
    sessions.store.fail(method, down);
    await expect(leave()).rejects.toBe(down);
    session.set('late', 1);
    await expect(session.settle(true)).rejects.toThrow(SessionDataError);
    expect(await sessions.store.dataOf(idOf(cookie))).toEqual({ n: 1 });
  });

  it.each(leaves)(
    'is refused where it is defined once the session is being left in vain: %s',
    async (_name, method, leave) => {
      sessions.store.fail(method, down);
      const leaving = leave();
      define();
      session.set('late', 1);
      await expect(leaving).rejects.toBe(down);
      expect(session.get('late')).toBe(1);
      await expect(session.settle(true)).rejects.toThrow(SessionDataError);
    },
  );

  it('does not keep the session from being read anew, and is refused where it comes after the call', async () => {
    const reloading = session.reload();
    define();
    await reloading;
    await expect(session.settle(true)).rejects.toThrow(SessionDataError);
    expect(await sessions.store.dataOf(idOf(cookie))).toEqual({ n: 1 });
  });
});
