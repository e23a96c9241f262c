import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { ActiveSession } from '../../../lib/session/active-session.js';
import { SessionStoreUnavailableError } from '../../../lib/session.errors.js';
import { cookieOf, HOUR, idOf, issued, TestSessions } from './sessions.js';

const UNAVAILABLE = new SessionStoreUnavailableError('find');
const forLonger = (session: ActiveSession) => session.setTtl(30 * HOUR).save();

describe('A cookie that other requests may have replaced', () => {
  let sessions: TestSessions;
  let brought: string;
  let isLate: boolean;
  let session: ActiveSession;
  let find: jest.SpiedFunction<TestSessions['store']['find']>;
  beforeEach(async () => {
    sessions = new TestSessions();
    brought = await sessions.begun();
    isLate = false;
    session = await sessions.open(brought, {
      assertReachable: () => {
        if (isLate) throw new Error('headers are sent');
      },
    });
    find = jest.spyOn(sessions.store, 'find');
  });

  it.each<[string, (session: ActiveSession) => unknown]>([
    ['a lifetime', forLonger],
    ['a lifetime that the end of the request stores', () => session.setTtl(30 * HOUR)],
    ['a new credential', () => session.regenerate()],
    ['both', () => session.regenerate().then(() => forLonger(session))],
  ])('is looked up once at the end of the request: for %s', async (_what, change) => {
    await change(session);
    await session.settle(true);
    expect(find).toHaveBeenCalledTimes(1);
    expect([session.settle(true), session.settle(false)]).toEqual([null, null]);
    expect(cookieOf(session)).toMatchObject({ kind: 'issued' });
  });

  it('is looked up again for what is stored after that', async () => {
    await session.setTtl(20 * HOUR).settle(true);
    await (await sessions.open(brought)).regenerate();
    await session.setTtl(30 * HOUR).settle(true);
    expect(cookieOf(session)).toBeNull();
  });

  it.each<[string, (session: ActiveSession) => unknown, string | undefined]>([
    ['a new one, which is set all the same', () => session.regenerate(), 'issued'],
    ['the one that the client has', forLonger, undefined],
  ])('is not looked up where the store has just not answered: %s', async (_what, change, cookie) => {
    await change(session);
    session.set('n', 2);
    sessions.store.fail('commit', UNAVAILABLE);
    await expect(session.settle(true)).rejects.toBe(UNAVAILABLE);
    expect(session.settle(false)).toBeNull();
    expect(find).not.toHaveBeenCalled();
    expect(cookieOf(session)?.kind).toBe(cookie);
  });

  it('is not looked up once it can reach the client no more', async () => {
    isLate = true;
    await session.setTtl('5m').settle(true, true);
    expect(find).not.toHaveBeenCalled();
  });

  it.each<[string, (session: ActiveSession) => unknown]>([
    ['begins', () => {}],
    ['is logged in to', (session) => session.login('ada')],
    ['ends, and another one begins', (session) => session.logout()],
  ])('is none of a session that this request %s', async (_what, change) => {
    const other = _what === 'begins' ? await sessions.open() : session;
    await change(other);
    await other.set('n', 2).save();
    await other.setTtl(30 * HOUR).settle(true);
    expect(cookieOf(other)).toMatchObject({ kind: 'issued', endsAt: sessions.store.time + 30 * HOUR });
    expect(find).not.toHaveBeenCalled();
  });

  it.each([true, false])(
    'is not set where it cannot be looked up, and the request fails (commits: %s)',
    async (commits) => {
      await forLonger(session);
      sessions.store.fail('find', UNAVAILABLE);
      await expect(session.settle(commits)).rejects.toBe(UNAVAILABLE);
      expect([cookieOf(session), session.settle(false)]).toEqual([null, null]);
    },
  );

  it('is set all the same where it is a new one, as the one before is to die', async () => {
    await session.regenerate();
    sessions.store.fail('find', UNAVAILABLE);
    await expect(session.settle(true)).rejects.toBe(UNAVAILABLE);
    expect(session.settle(false)).toBeNull();
    expect(idOf(issued(session))).toBe(session.id);
    expect(issued(session)).not.toBe(brought);
  });

  it.each<[string, (session: ActiveSession) => unknown, boolean]>([
    ['not set for a lifetime', forLonger, false],
    ['set where it is new', (session) => session.regenerate(), true],
  ])('is %s where an error answers that nobody waits for', async (_what, change, isSet) => {
    await change(session);
    session.discard();
    expect(cookieOf(session) !== null).toBe(isSet);
  });
});
