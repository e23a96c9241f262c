import { beforeEach, describe, expect, it } from '@jest/globals';
import { StandInSession } from '../../../lib/session/stand-in-session.js';
import { SessionStoreUnavailableError } from '../../../lib/session.errors.js';
import { TestSessions } from './sessions.js';

describe('a stand-in for a session that cannot be looked up', () => {
  const down = new SessionStoreUnavailableError('read the session');
  let session: StandInSession;
  let dropped: number;

  beforeEach(() => {
    dropped = 0;
    const visitor = { ip: null, userAgent: null, assertReachable: () => {} };
    session = new StandInSession(new TestSessions().environment, visitor, down, () => dropped++);
  });

  it('is empty, anonymous, and holds for this request what is written to it', () => {
    expect([session.isNew, session.isAuthenticated, session.keys()]).toEqual([true, false, []]);
    expect(session.set('n', 1).get('n')).toBe(1);
  });

  it.each<[string, (one: StandInSession) => Promise<unknown>]>([
    ['login()', (one) => one.login()],
    ['logout()', (one) => one.logout()],
    ['regenerate()', (one) => one.regenerate()],
    ['restart()', (one) => one.restart()],
    ['destroy()', (one) => one.destroy()],
    ['update()', (one) => one.update()],
    ['reload()', (one) => one.reload()],
    ['save(), with something to store,', (one) => one.set('n', 1).save()],
  ])('rejects %s with the error of the look-up', async (_name, call) => {
    await expect(call(session)).rejects.toBe(down);
  });

  it.each(['regenerate', 'restart', 'destroy', 'reload', 'save'] as const)(
    'hands that error to a callback of %s()',
    async (method) => {
      session.set('n', 1);
      const args = await new Promise((resolve) => {
        expect(session[method]((...got: unknown[]) => resolve(got))).toBeUndefined();
      });
      expect(args).toEqual([down]);
    },
  );

  it('is saved where nothing was written to it', async () => {
    await session.save();
    expect(await new Promise((resolve) => session.save((...args: unknown[]) => resolve(args)))).toEqual([]);
  });

  it('says once, at the end of a request, that what was written is dropped', () => {
    expect([session.settle(true), dropped]).toEqual([null, 0]);
    session.set('n', 1);
    expect([session.settle(false), dropped]).toEqual([null, 0]);
    expect([session.settle(true), session.settle(true), dropped]).toEqual([null, null, 1]);
  });
});
