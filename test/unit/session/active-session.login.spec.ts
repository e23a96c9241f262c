import { beforeEach, describe, expect, it } from '@jest/globals';
import type { ActiveSession } from '../../../lib/session/active-session.js';
import { SessionArgumentError, SessionDataError, SessionStoreUnavailableError } from '../../../lib/session.errors.js';
import { cookieOf, HOUR, idOf, issued, MINUTE, SECOND, TestSessions } from './sessions.js';

const ignored = (): void => {};

describe('login()', () => {
  let sessions: TestSessions;
  let cookie: string;

  beforeEach(async () => {
    sessions = new TestSessions();
    cookie = await sessions.begun();
  });

  it('begins a session where none is stored, with what was written', async () => {
    const session = (await sessions.open()).set('n', 1);
    await session.login('ada', { roles: ['admin'] }, { persistent: true });
    expect(await sessions.store.stored(session.id)).toMatchObject({
      userId: 'ada',
      auth: '{"roles":["admin"]}',
      data: '{"n":1}',
      persistent: true,
      generation: 0,
    });
    expect(cookieOf(session)).toMatchObject({ kind: 'issued', persistent: true });
    expect([sessions.events, session.isModified, session.isNew]).toEqual([['created ada', 'login ada'], false, true]);
  });

  it('keeps the session of an anonymous visitor, under another credential', async () => {
    const session = (await sessions.open(cookie)).set('m', 2);
    sessions.store.time += MINUTE;
    await session.login('ada');
    const stored = await sessions.store.stored(session.id);
    expect(stored).toMatchObject({
      id: idOf(cookie),
      userId: 'ada',
      auth: null,
      data: '{"n":1,"m":2}',
      persistent: null,
      generation: 1,
      authenticatedAt: sessions.store.time,
      endsAt: sessions.store.time + 12 * HOUR,
    });
    expect([session.generation, session.isNew, session.isModified]).toEqual([1, false, false]);
    session.renew();
    expect(sessions.renewed).toEqual([]);
    expect(issued(session)).not.toBe(cookie);
    expect(sessions.events).toEqual(['rotated ada', 'login ada']);
    expect((await sessions.open(cookie)).isAuthenticated).toBe(false);
    expect((await sessions.open(issued(session))).userId).toBe('ada');
  });

  it('can be told apart, by the request that is overtaken, from a stranger’s cookie', async () => {
    const overtaken = await sessions.open(cookie);
    const session = await sessions.open(cookie);
    await session.regenerate();
    await session.login('ada');
    const { previousSecretHash } = await sessions.store.stored(session.id);
    expect(previousSecretHash).toEqual((await sessions.open(cookie)).settle(true) ?? previousSecretHash);
    const late = await sessions.open(cookie);
    late.set('n', 9);
    await expect(late.save()).rejects.toThrow('has ended');
    expect([overtaken.id, cookieOf(late)]).toEqual([session.id, null]);
  });

  it('takes the lifetime that was set before, unless it is given one', async () => {
    const session = (await sessions.open(cookie)).setTtl('2h');
    await session.login('ada');
    expect(await sessions.store.stored(session.id)).toMatchObject({ ttl: 2 * HOUR });
    expect(session.isModified).toBe(false);
    session.setTtl('3h');
    await session.login('ada', undefined, { ttl: '5m', absolute: '10m' });
    const { time } = sessions.store;
    expect(await sessions.store.stored(session.id)).toMatchObject({ ttl: 5 * MINUTE, endsAt: time + 10 * MINUTE });
    expect([session.isModified, session.ttl]).toEqual([false, 5 * MINUTE]);
  });

  it('leaves a lifetime that is set while the store is at work to be stored', async () => {
    const session = await sessions.open(cookie);
    const login = session.login('ada');
    session.setTtl('3h');
    await login;
    expect([session.isModified, session.ttl]).toEqual([true, 3 * HOUR]);
    await session.save();
    expect(await sessions.store.stored(session.id)).toMatchObject({ ttl: 3 * HOUR });
  });

  it('has the lifetime of the options again for another login without one', async () => {
    const session = await sessions.open(cookie);
    await session.login('ada', undefined, { ttl: '5m' });
    await session.login('ada');
    expect(session.ttl).toBe(30 * MINUTE);
  });

  it('of the same user keeps the data; of another user drops it, and what is written after the call stays', async () => {
    const session = await sessions.open(cookie);
    await session.login('ada');
    session.set('mine', 1);
    await session.login('ada');
    expect(await sessions.store.dataOf(session.id)).toEqual({ n: 1, mine: 1 });
    session.setTtl('2h').set('dropped', 1);
    const login = session.login('bob');
    expect(session.toJSON()).toEqual({});
    session.set('fresh', 1);
    await login;
    await session.save();
    expect(await sessions.store.dataOf(session.id)).toEqual({ fresh: 1 });
    expect(await sessions.store.stored(session.id)).toMatchObject({ userId: 'bob', generation: 3, ttl: 2 * HOUR });
  });

  it('knows, for a call that is not awaited, who will be signed in then', async () => {
    const session = await sessions.open(cookie);
    const logins = [session.login('ada'), session.set('of', 'ada').login('bob'), session.set('of', 'bob').login('bob')];
    session.set('more', 1);
    await Promise.all(logins);
    await session.save();
    expect([session.userId, await sessions.store.dataOf(session.id)]).toEqual(['bob', { of: 'bob', more: 1 }]);
  });

  it('begins another session where this one has ended meanwhile, with what an anonymous visitor had', async () => {
    const session = (await sessions.open(cookie)).set('m', 2);
    await sessions.store.delete(session.id, null);
    await session.login('ada');
    expect(session.id).not.toBe(idOf(cookie));
    expect([session.isNew, session.isModified]).toEqual([true, false]);
    expect(await sessions.store.dataOf(session.id)).toEqual({ n: 1, m: 2 });
    expect([sessions.events, idOf(issued(session))]).toEqual([['created ada', 'login ada'], session.id]);
  });

  describe.each<[string, (session: ActiveSession) => Promise<unknown>]>([
    ['login() itself', async () => {}],
    ['save()', (session) => session.set('m', 2).save()],
    ['update()', (session) => session.update((data) => void (data['m'] = 2))],
    ['regenerate()', (session) => session.regenerate()],
    ['reload()', (session) => session.reload()],
  ])('where %s finds that the session of a user has ended meanwhile', (_what, find) => {
    const end = async (look: (session: ActiveSession) => unknown): Promise<ActiveSession> => {
      cookie = await sessions.begun({ n: 1, cart: { items: ['secret'] } }, 'ada');
      const session = await sessions.open(cookie);
      look(session);
      await sessions.store.delete(session.id, null);
      await find(session).catch(() => {});
      return session;
    };

    it.each<[string, (session: ActiveSession) => unknown]>([
      ['was not read', () => {}],
      ['was read', (session) => session.get('n')],
      ['is held', (session) => session.data],
    ])('begins another session without its data, which %s', async (_how, look) => {
      const session = await end(look);
      await session.login('ada');
      expect([session.toJSON(), await sessions.store.dataOf(session.id)]).toEqual([{}, {}]);
      session.set('fresh', 1);
      await session.settle(true);
      expect(await sessions.store.dataOf(session.id)).toEqual({ fresh: 1 });
    });

    it('has what is written beside it stored in the other session', async () => {
      const session = await end(() => {});
      const login = session.login('ada');
      session.set('wish', 1).increment('n', 2);
      await login;
      await session.settle(true);
      expect(await sessions.store.dataOf(session.id)).toEqual({ wish: 1, n: 2 });
    });
  });

  it('begins another session after one that was gone, or that this request has ended', async () => {
    const gone = (await sessions.open(cookie)).set('m', 2);
    const ended = await sessions.open(cookie);
    await ended.destroy();
    await expect(gone.save()).rejects.toThrow('has ended');
    for (const session of [gone, ended]) {
      await session.login('ada');
      expect(session.id).not.toBe(idOf(cookie));
      expect(await sessions.store.stored(session.id)).toMatchObject({ userId: 'ada' });
      expect(idOf(issued(session))).toBe(session.id);
    }
  });

  it('that begins another session leaves the cookie of the one that has ended alone', async () => {
    const session = await sessions.open(cookie);
    await sessions.store.delete(session.id, null);
    await session.login('ada');
    await session.destroy();
    expect(cookieOf(session)).toBeNull();
  });

  it('that cannot begin another session leaves nothing to end, and nothing to write to', async () => {
    const failure = new SessionStoreUnavailableError('create a session');
    const [lost, gone] = [await sessions.open(cookie), (await sessions.open(cookie)).set('m', 2)];
    await sessions.store.delete(lost.id, null);
    await expect(gone.save()).rejects.toThrow('has ended');
    sessions.store.fail('create', failure);
    await expect(lost.login('ada')).rejects.toBe(failure);
    await expect(gone.login('ada')).rejects.toBe(failure);
    sessions.store.mend('create');
    await lost.destroy();
    await expect(gone.set('m', 3).save()).rejects.toThrow('has ended');
    expect(await sessions.store.count()).toBe(0);
  });

  it('without anything to store hands on its failure, too', async () => {
    const failure = new SessionStoreUnavailableError('log in');
    sessions.store.fail('login', failure);
    sessions.store.fail('create', failure);
    await expect((await sessions.open(cookie)).login('ada')).rejects.toBe(failure);
    await expect((await sessions.open()).login('ada')).rejects.toBe(failure);
  });

  it('is refused, before anything is stored, where the cookie can reach nobody', async () => {
    const error = new Error('headers are sent');
    const session = await sessions.open(cookie, {
      assertReachable: () => {
        throw error;
      },
    });
    await expect(session.login('ada')).rejects.toBe(error);
    await expect(session.regenerate()).rejects.toBe(error);
    expect(await sessions.store.stored(session.id)).toMatchObject({ userId: null, generation: 0 });
  });

  it('that fails leaves the session as it was, with all that was written', async () => {
    const failure = new SessionStoreUnavailableError('log in');
    sessions.store.fail('login', failure);
    const session = (await sessions.open(cookie)).set('m', 2);
    await expect(session.login('ada')).rejects.toBe(failure);
    expect([session.userId, cookieOf(session), sessions.environment.commits.failed]).toEqual([null, null, 1]);
    sessions.store.mend('login');
    await session.save();
    expect(await sessions.store.dataOf(session.id)).toEqual({ n: 1, m: 2 });
  });

  it('of another user that fails gives back what was written before and after the call', async () => {
    cookie = await sessions.begun({ n: 1 }, 'ada');
    sessions.store.fail('login', new SessionStoreUnavailableError('log in'));
    const session = (await sessions.open(cookie)).set('m', 2);
    const login = session.login('bob');
    session.set('late', 3);
    await expect(login).rejects.toThrow('could not log in');
    expect([session.userId, session.toJSON()]).toEqual(['ada', { n: 1, m: 2, late: 3 }]);
  });

  it('of another user leaves the data of the first, also after one that has failed', async () => {
    cookie = await sessions.begun({ n: 1 }, 'ada');
    const session = await sessions.open(cookie);
    sessions.store.fail('login', new SessionStoreUnavailableError('log in'));
    await expect(session.login('bob')).rejects.toThrow('could not log in');
    sessions.store.mend('login');
    const login = session.set('m', 2).login('bob');
    expect(session.toJSON()).toEqual({});
    session.set('fresh', 1);
    await login;
    expect(session.toJSON()).toEqual({ fresh: 1 });
  });

  it('takes only what its types allow, and says what it got', async () => {
    const session = await sessions.open(cookie);
    await expect(session.login('')).rejects.toThrow(SessionArgumentError);
    await expect(session.login('ada', [] as never)).rejects.toThrow(SessionDataError);
    await expect(session.login('ada', {}, null as never)).rejects.toThrow(
      'login() takes a plain object there, but got null.',
    );
    await expect(session.login('ada', {}, { ttl: 'x' })).rejects.toThrow('"ttl" must be');
    expect([session.userId, sessions.events]).toEqual([null, []]);
  });

  it('marks data that it refuses, so that the end of the request stores the rest', async () => {
    const session = (await sessions.open(cookie)).set('ok', 1).set('bad', 1n);
    await expect(session.login('ada')).rejects.toThrow(SessionDataError);
    await session.settle(true);
    expect([session.userId, await sessions.store.dataOf(session.id)]).toEqual([null, { n: 1, ok: 1 }]);
  });

  it('needs a request of the visitor’s own', async () => {
    const session = await sessions.find(idOf(cookie));
    await expect(session.login('ada')).rejects.toThrow(
      new SessionArgumentError(
        'login() changes the visitor’s cookie, so only a request of the visitor’s own can call it. Revoke the session instead.'.replaceAll(
          '’',
          "'",
        ),
      ),
    );
    await expect(session.regenerate()).rejects.toThrow(/^regenerate\(\) changes/);
    await expect(session.restart()).rejects.toThrow(/^regenerate\(\) changes/);
  });

  describe('needs a request of the visitor’s own also where the session', () => {
    const LEFT: [string, (session: ActiveSession) => Promise<unknown>][] = [
      [
        'is gone',
        async (session) => {
          await sessions.store.delete(idOf(cookie), null);
          await session.set('n', 2).save().catch(ignored);
        },
      ],
      ['is gone, and nothing has noticed', () => sessions.store.delete(idOf(cookie), null)],
      ['was destroyed', (session) => session.destroy()],
      ['was logged out', (session) => session.logout()],
    ];
    const BEGIN: [string, (session: ActiveSession) => Promise<unknown>][] = [
      ['login()', (session) => session.login('bob')],
      ['restart()', (session) => session.restart()],
      ['save()', (session) => session.set('n', 3).save()],
      ['update()', (session) => session.update((data) => Object.assign(data, { n: 3 }))],
      ['the end', async (session) => session.set('n', 3).settle(true)],
    ];
    it.each(LEFT.flatMap(([left, leave]) => BEGIN.map(([by, begin]) => [left, by, leave, begin] as const)))(
      '%s: %s begins none that nobody could open',
      async (_left, _by, leave, begin) => {
        for (const user of [undefined, 'ada']) {
          sessions = new TestSessions();
          cookie = await sessions.begun({ n: 1 }, user);
          const session = await sessions.find(idOf(cookie));
          await leave(session);
          await begin(session).catch(ignored);
          await session.settle(true)?.catch(ignored);
          await session.set('n', 4).save().catch(ignored);
          expect(await sessions.store.count()).toBe(0);
        }
      },
    );

    it('was destroyed: says so', async () => {
      const session = await sessions.find(idOf(cookie));
      await session.destroy();
      await expect(session.login('bob')).rejects.toThrow(/^login\(\) changes the visitor's cookie/);
      await expect(session.set('n', 1).save()).rejects.toThrow(
        "A session that was found by its id has ended, and only a request of the visitor's own can begin another one.",
      );
    });
  });

  it('ends the oldest sessions beyond the number that a user may have', async () => {
    sessions = new TestSessions({ maxSessionsPerUser: 2 });
    for (let n = 0; n < 3; n++) {
      sessions.store.time += SECOND;
      await (await sessions.open()).login('ada');
    }
    expect(await sessions.store.count()).toBe(2);
    expect(sessions.events.filter((event) => event !== 'created ada')).toEqual([
      'login ada',
      'login ada',
      'login ada',
      'revoked ada',
    ]);
  });
});

describe('regenerate()', () => {
  let sessions: TestSessions;
  let cookie: string;

  beforeEach(async () => {
    sessions = new TestSessions();
    cookie = await sessions.begun();
  });

  it('gives the session another credential, and requests under way their session', async () => {
    const session = await sessions.open(cookie);
    const before = await sessions.store.stored(session.id);
    await session.regenerate();
    expect(issued(session)).not.toBe(cookie);
    expect(sessions.events).toEqual(['rotated']);
    const { secretHash, previousSecretHash, rotatedAt, ...rest } = await sessions.store.stored(session.id);
    expect(rest).toMatchObject({ generation: 0, data: before.data, endsAt: before.endsAt });
    expect([previousSecretHash, rotatedAt]).toEqual([before.secretHash, sessions.store.time]);
    expect(secretHash).not.toEqual(before.secretHash);
    const late = await sessions.open(cookie);
    expect(late.isNew).toBe(false);
    late.set('late', 1).setTtl('2h');
    await late.settle(true);
    expect([cookieOf(late), await sessions.store.dataOf(session.id)]).toEqual([null, { n: 1, late: 1 }]);
  });

  it('does so once where the client has not been given the new one yet', async () => {
    const session = await sessions.open(cookie);
    await session.regenerate();
    const first = issued(session);
    await session.regenerate();
    expect([issued(session), sessions.events]).toEqual([first, ['rotated']]);
    const fresh = (await sessions.open()).set('n', 1);
    await fresh.save();
    const born = issued(fresh);
    await fresh.regenerate();
    expect(issued(fresh)).toBe(born);
  });

  it('leaves the cookie alone where a parallel request was faster', async () => {
    const [one, other] = [await sessions.open(cookie), await sessions.open(cookie)];
    await one.regenerate();
    await other.regenerate();
    expect([cookieOf(other), sessions.events]).toEqual([null, ['rotated']]);
    await other.regenerate();
    expect(cookieOf(other)).toBeNull();
    await other.setTtl('2h').save();
    expect(cookieOf(other)).toBeNull();
    const late = await sessions.open(cookie);
    await late.regenerate();
    expect(cookieOf(late)).toBeNull();
  });

  it('finds out that the session is gone', async () => {
    const session = await sessions.open(cookie);
    await sessions.store.delete(session.id, null);
    await expect(session.regenerate()).rejects.toThrow('has ended');
    expect([sessions.events, cookieOf(session)]).toEqual([['rejected'], null]);
    await expect(session.regenerate()).rejects.toThrow('has ended');
    expect(sessions.events).toEqual(['rejected']);
  });

  it('hands its outcome to a callback', async () => {
    const session = await sessions.open(cookie);
    expect(await new Promise((resolve) => session.regenerate((...args: unknown[]) => resolve(args)))).toEqual([]);
    await sessions.store.delete(session.id, null);
    const another = (await sessions.open(undefined)).set('n', 1);
    await another.save();
    expect(await new Promise((resolve) => another.save((...args: unknown[]) => resolve(args)))).toEqual([]);
    session.set('n', 5);
    expect(await new Promise((resolve) => session.save((error) => resolve(error)))).toMatchObject({ statusCode: 401 });
  });
});
