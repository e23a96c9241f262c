import { beforeEach, describe, expect, it } from '@jest/globals';
import { SessionArgumentError, SessionDataError, SessionGoneError } from '../../../lib/session.errors.js';
import { cookieOf, idOf, issued, MINUTE, TestSessions } from './sessions.js';

let sessions: TestSessions;
let cookie: string;

beforeEach(async () => {
  sessions = new TestSessions();
  cookie = await sessions.begun({ n: 1 }, 'ada');
});

describe('destroy() and logout()', () => {
  it.each([
    ['destroy', ['destroyed ada']],
    ['logout', ['destroyed ada', 'logout ada']],
  ] as const)('%s() removes the row and the cookie, and what is left is empty', async (method, events) => {
    const session = (await sessions.open(cookie)).set('m', 2).setTtl('2h');
    await session[method]();
    expect([await sessions.store.count(), cookieOf(session), sessions.events]).toEqual([
      0,
      { kind: 'removed' },
      events,
    ]);
    expect([session.isDestroyed, session.isNew, session.userId, session.toJSON()]).toEqual([true, true, null, {}]);
    expect([session.ttl, session.isModified, session.generation]).toEqual([30 * MINUTE, false, null]);
    expect(session.id).not.toBe(idOf(cookie));
    expect(session.settle(true)).toBeNull();
    await session[method]();
    expect([cookieOf(session), sessions.events]).toEqual([{ kind: 'removed' }, events]);
  });

  it('of an anonymous visitor is no logout', async () => {
    const session = await sessions.open(await sessions.begun());
    await session.logout();
    expect(sessions.events).toEqual(['destroyed']);
  });

  it('forget when the session began, and who it was', async () => {
    const session = await sessions.open(cookie);
    expect(session.avatar.identity).toBe('ada');
    await session.destroy();
    sessions.store.time += MINUTE;
    expect([session.avatar.identity, session.createdAt.getTime()]).toEqual([null, sessions.store.time]);
  });

  it('leave to what comes after what is written after the call', async () => {
    const session = await sessions.open(cookie);
    const ending = session.destroy();
    session.set('fresh', 1);
    await ending;
    expect(session.isDestroyed).toBe(false);
    await session.settle(true);
    expect(await sessions.store.dataOf(session.id)).toEqual({ fresh: 1 });
    expect([sessions.events, idOf(issued(session))]).toEqual([['destroyed ada', 'created'], session.id]);
    await session.destroy();
    expect([cookieOf(session), sessions.events.at(-1)]).toEqual([{ kind: 'removed' }, 'destroyed']);
  });

  it('notice what is changed in place after the call, in the object that was held before', async () => {
    const session = await sessions.open(cookie);
    const { data } = session;
    const ending = session.destroy();
    data['fresh'] = { a: 1 };
    await ending;
    (data['fresh'] as { a: number }).a = 2;
    await session.settle(true);
    expect(await sessions.store.dataOf(session.id)).toEqual({ fresh: { a: 2 } });
  });

  it('that fail notice what is changed in place, in an object that was got meanwhile', async () => {
    sessions.store.fail('delete', new Error('down'));
    const session = await sessions.open(cookie);
    session.get('n');
    const ending = session.destroy();
    const { data } = session;
    await expect(ending).rejects.toThrow('down');
    data['n'] = 5;
    await session.settle(true);
    expect(await sessions.store.dataOf(session.id)).toEqual({ n: 5 });
  });

  it('remove no cookie that the client has not got', async () => {
    const session = (await sessions.open()).set('n', 1);
    await session.save();
    await session.destroy();
    expect(cookieOf(session)).toBeNull();
  });

  it('leave the cookie alone where another request has ended the session, or logged in to it', async () => {
    const [ended, overtaken] = [await sessions.open(cookie), await sessions.open(cookie)];
    await (await sessions.open(cookie)).login('bob');
    await overtaken.logout();
    await sessions.store.delete(ended.id, null);
    await ended.destroy();
    expect([cookieOf(overtaken), cookieOf(ended)]).toEqual([null, null]);
    expect(sessions.events).toEqual(['rotated bob', 'login bob']);
    overtaken.set('n', 1);
    await expect(overtaken.save()).rejects.toThrow(SessionGoneError);
    expect(cookieOf(overtaken)).toBeNull();
    expect(await sessions.store.count()).toBe(0);
  });

  it('end nothing once the session is gone', async () => {
    const session = (await sessions.open(cookie)).set('m', 1);
    await sessions.store.delete(session.id, null);
    await expect(session.save()).rejects.toThrow(SessionGoneError);
    await session.destroy();
    expect([cookieOf(session), session.isDestroyed, sessions.events]).toEqual([null, true, ['rejected ada']]);
  });

  it.each([
    ['that fail leave the session as it was, and what was written since', false, { n: 1, m: 2, between: 1, late: 1 }],
    ['that fail leave nothing of it where it is left again meanwhile', true, { late: 1 }],
  ])('%s', async (_, isLeft, left) => {
    const failure = new Error('down');
    sessions.store.fail('delete', failure);
    const session = (await sessions.open(cookie)).set('m', 2);
    const first = session.destroy();
    session.set('between', 1);
    const second = session.destroy();
    session.set('late', 1);
    if (isLeft) sessions.store.mend('delete');
    const outcomes = await Promise.allSettled([first, second]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', isLeft ? 'fulfilled' : 'rejected']);
    expect(session.toJSON()).toEqual(left);
  });
});

describe('restart()', () => {
  it('drops the data and the user, and gives the session another credential', async () => {
    const session = (await sessions.open(cookie)).set('m', 2).setTtl('2h');
    const restarting = session.restart();
    session.set('fresh', 1);
    await restarting;
    await session.settle(true);
    const stored = await sessions.store.stored(idOf(cookie));
    expect(stored).toMatchObject({ userId: null, auth: null, data: '{"fresh":1}', generation: 1, ttl: 30 * MINUTE });
    expect(sessions.events).toEqual(['rotated', 'logout ada']);
    expect((await sessions.open(cookie)).isAuthenticated).toBe(false);
    expect((await sessions.open(issued(session))).toJSON()).toEqual({ fresh: 1 });
  });

  it('of an anonymous visitor drops the data, and is no logout', async () => {
    const session = await sessions.open(await sessions.begun({ n: 1 }));
    await session.restart();
    expect([await sessions.store.dataOf(session.id), sessions.events]).toEqual([{}, ['rotated']]);
    expect([session.authenticatedAt, session.isAuthenticated]).toEqual([null, false]);
  });

  it.each([true, false])(
    'ends the session at the end of the request if nothing is written: settle(%p)',
    async (commits) => {
      const session = await sessions.open(cookie);
      await session.restart();
      expect(await sessions.store.count()).toBe(1);
      await session.settle(commits);
      expect([await sessions.store.count(), cookieOf(session)]).toEqual([0, { kind: 'removed' }]);
      expect(sessions.events).toEqual(['rotated', 'logout ada', 'destroyed']);
    },
  );

  it('does not end a session that somebody signs in to, that is written to, or that is stored empty', async () => {
    const user = await sessions.open(cookie);
    await user.restart();
    await user.login('bob');
    await user.settle(true);
    const written = await sessions.open(issued(user));
    await written.restart();
    await written.set('n', 1).save();
    written.delete('n');
    await written.settle(true);
    expect(await sessions.store.count()).toBe(1);
    sessions = new TestSessions({ saveUninitialized: true });
    const empty = await sessions.open(await sessions.begun());
    await empty.restart();
    expect(empty.settle(true)).toBeNull();
    expect(await sessions.store.count()).toBe(1);
  });

  it('begins another session where this one is gone', async () => {
    const session = (await sessions.open(cookie)).set('m', 1);
    await sessions.store.delete(session.id, null);
    await expect(session.save()).rejects.toThrow(SessionGoneError);
    await session.restart();
    session.set('fresh', 1);
    await session.settle(true);
    expect(session.id).not.toBe(idOf(cookie));
    expect(await sessions.store.dataOf(session.id)).toEqual({ fresh: 1 });
  });

  it('leaves a session ended that this request has ended', async () => {
    const session = await sessions.open(cookie);
    await session.destroy();
    await session.restart();
    expect([session.isDestroyed, session.settle(true)]).toEqual([true, null]);
  });

  it('ends a session in which nothing but a lifetime is set', async () => {
    const session = await sessions.open(cookie);
    await session.restart();
    await session.setTtl('2h').save();
    await session.settle(true);
    expect(await sessions.store.count()).toBe(0);
  });

  it('stores nothing where nothing was stored', async () => {
    const session = await sessions.open();
    const { id } = session;
    await session.restart();
    await session.settle(true);
    expect([await sessions.store.count(), cookieOf(session), session.id === id]).toEqual([1, null, false]);
  });
});

describe('a session that is gone', () => {
  it('refuses what is to be stored, says so once, and stores nothing at the end', async () => {
    const session = (await sessions.open(cookie)).set('m', 1).setTtl('2h');
    await sessions.store.delete(session.id, null);
    const error = await session.save().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SessionGoneError);
    expect([sessions.events, session.isModified, session.isUnsaved]).toEqual([['rejected ada'], false, false]);
    await expect(session.update(() => 1)).rejects.toThrow(SessionGoneError);
    await expect(session.regenerate()).rejects.toThrow(SessionGoneError);
    session.set('m', 2).setTtl('3h');
    expect([session.isUnsaved, session.settle(true)]).toEqual([false, null]);
    await expect(session.save()).rejects.toThrow(SessionGoneError);
    await expect(session.update(() => 1)).rejects.toThrow(SessionGoneError);
    session.renew();
    session.touch();
    expect([sessions.renewed, sessions.events]).toEqual([[], ['rejected ada']]);
    expect(session.isDestroyed).toBe(false);
  });

  it('was logged in to by another request', async () => {
    const [updated, saved] = [await sessions.open(cookie), (await sessions.open(cookie)).set('n', 2)];
    await (await sessions.open(cookie)).login('bob');
    await expect(updated.update(() => 1)).rejects.toThrow(SessionGoneError);
    await expect(saved.save()).rejects.toThrow(SessionGoneError);
    expect(await sessions.store.dataOf(idOf(cookie))).toEqual({});
  });

  it('at the cookie that a login replaced begins no session, but for a login', async () => {
    await (await sessions.open(cookie)).login('ada');
    const late = await sessions.open(cookie);
    expect([late.isNew, late.isAuthenticated, late.settle(true)]).toEqual([true, false, null]);
    late.set('n', 1);
    const settling = late.settle(true);
    await expect(settling).rejects.toThrow(SessionGoneError);
    expect([cookieOf(late), await sessions.store.count()]).toEqual([null, 1]);
    await late.login('ada');
    expect([idOf(issued(late)) === idOf(cookie), await sessions.store.count()]).toEqual([false, 2]);
  });
});

describe('update()', () => {
  it('changes the data as it is in the store, after what is not stored yet', async () => {
    const session = (await sessions.open(cookie)).set('mine', 1);
    await (await sessions.open(cookie)).set('n', 10).save();
    sessions.store.time += MINUTE;
    const result = await session.update((data) => {
      data['n'] = (data['n'] as number) + 1;
      return data['mine'];
    });
    expect([result, session.toJSON(), session.isModified]).toEqual([1, { n: 11, mine: 1 }, false]);
    expect(await sessions.store.dataOf(session.id)).toEqual({ n: 11, mine: 1 });
    expect(sessions.environment.commits.written).toBe(3);
    expect(await sessions.store.stored(session.id)).toMatchObject({ lastAccessAt: sessions.store.time });
  });

  it('goes on with what is written and removed while the store is at work', async () => {
    const session = (await sessions.open(cookie)).set('m', 1);
    await session.save();
    const updating = session.update((data) => (data['u'] = 1));
    await new Promise((resolve) => queueMicrotask(() => resolve(undefined)));
    session.delete('n');
    session.set('late', 1);
    await updating;
    await session.save();
    expect(await sessions.store.dataOf(session.id)).toEqual({ m: 1, u: 1, late: 1 });
  });

  it('counts as no write, and as no access, where it changes nothing', async () => {
    const session = await sessions.open(cookie);
    sessions.store.time += MINUTE;
    expect(await session.update((data) => data['n'])).toBe(1);
    expect(sessions.environment.commits.written).toBe(0);
    expect(await sessions.store.stored(session.id)).toMatchObject({ lastAccessAt: sessions.store.time - MINUTE });
  });

  it('begins a session where none is stored', async () => {
    const session = (await sessions.open()).setTtl('2h');
    expect(await session.update((data) => (data['n'] = 1))).toBe(1);
    expect(await sessions.store.dataOf(session.id)).toEqual({ n: 1 });
    expect(session.isModified).toBe(false);
    const empty = await sessions.open();
    expect(await empty.update(() => 'nothing')).toBe('nothing');
    expect(empty.settle(true)).toBeNull();
  });

  it('changes nothing where its function throws', async () => {
    const session = await sessions.open(cookie);
    const error = new Error('no');
    await expect(
      session.update((data) => {
        data['n'] = 2;
        throw error;
      }),
    ).rejects.toBe(error);
    expect([await sessions.store.dataOf(session.id), session.get('n')]).toEqual([{ n: 1 }, 1]);
    expect(sessions.environment.commits.failed).toBe(0);
  });

  it('takes a function, at once', async () => {
    const session = await sessions.open(cookie);
    await expect(session.update('n' as never)).rejects.toThrow(
      new SessionArgumentError('update() takes a function that changes the data, but got a string.'),
    );
    await expect(session.update((async () => {}) as never)).rejects.toThrow(SessionArgumentError);
  });

  it('counts what the store could not do', async () => {
    sessions.store.fail('update', new SessionDataError('', 'too large'));
    const session = await sessions.open(cookie);
    await expect(session.update((data) => (data['n'] = 2))).rejects.toThrow('too large');
    expect(sessions.environment.commits.failed).toBe(1);
  });

  it('is gone where the session has ended', async () => {
    const session = await sessions.open(cookie);
    await sessions.store.delete(session.id, null);
    await expect(session.update(() => 1)).rejects.toThrow(SessionGoneError);
    expect(sessions.events).toEqual(['rejected ada']);
  });

  it('reports data that it cannot read', async () => {
    const session = await sessions.open(cookie);
    const stored = await sessions.store.stored(session.id);
    sessions.store.update = async (_id, _generation, change) => {
      change({ ...stored, data: '[' });
      return { ...stored, data: '[' };
    };
    expect(await session.update((data) => Object.keys(data))).toEqual([]);
    expect(sessions.unreadable[0]).toEqual([session.id, 'data', expect.any(SyntaxError)]);
  });
});

describe('a renewal that the response waits for', () => {
  beforeEach(async () => {
    sessions = new TestSessions({ renewsAtOnce: true });
    cookie = await sessions.begun();
  });

  it('is written at the end of the request, once', async () => {
    const session = await sessions.open(cookie);
    await session.settle(true);
    expect([sessions.renewed, sessions.store.flushes]).toEqual([[session.id], 1]);
    expect(session.settle(true)).toBeNull();
  });

  it('is written by a response that reports a failure, too', async () => {
    const session = (await sessions.open(cookie)).set('n', 2);
    await session.settle(false);
    expect([sessions.renewed, sessions.store.flushes, session.get('n')]).toEqual([[session.id], 1, 1]);
  });

  it('is none where the commit is one, where the route does not renew, and without a session', async () => {
    await (await sessions.open(cookie)).set('n', 2).settle(true);
    const session = await sessions.open(cookie);
    session.renews = false;
    expect([session.settle(true), (await sessions.open()).settle(true)]).toEqual([null, null]);
    expect([sessions.renewed, sessions.store.flushes]).toEqual([[], 0]);
  });

  it('is written where it was begun before, and once', async () => {
    const renewed = await sessions.open(cookie);
    renewed.renew();
    await renewed.settle(true);
    expect([sessions.renewed, sessions.store.flushes, renewed.settle(true)]).toEqual([[renewed.id], 1, null]);
  });

  it.each([true, false])('is written for touch(), whether or not the route renews: %s', async (renews) => {
    const session = await sessions.open(cookie);
    session.renews = renews;
    await session.touch().settle(true);
    expect([sessions.renewed, sessions.store.flushes, session.settle(true)]).toEqual([[session.id], 1, null]);
    await session.touch().settle(false);
    expect(sessions.store.flushes).toBe(2);
  });

  it('is none for touch() where the commit renews, and one where it does not', async () => {
    await (await sessions.open(cookie)).touch().set('n', 2).settle(true);
    expect(sessions.store.flushes).toBe(0);
    const session = await sessions.open(cookie);
    session.renews = false;
    await session.touch().set('n', 3).settle(true);
    expect(sessions.store.flushes).toBe(1);
  });

  it('is none for touch() on a session that was left, or has got another credential by a login, since', async () => {
    const session = await sessions.open(cookie);
    await session.touch().login('ada');
    expect(session.settle(true)).toBeNull();
    await session.touch().logout();
    await session.settle(true);
    expect(sessions.store.flushes).toBe(0);
  });

  it('is none for a session that is found by its id', async () => {
    const session = await sessions.find(idOf(cookie));
    expect([session.renews, session.settle(true)]).toEqual([false, null]);
  });
});
