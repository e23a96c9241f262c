import { beforeEach, describe, expect, it } from '@jest/globals';
import { SessionArgumentError, SessionDataError, SessionGoneError } from '../../../lib/session.errors.js';
import { cookieOf, HOUR, idOf, issued, MINUTE, SECOND, TestSessions } from './sessions.js';

describe('a new session', () => {
  let sessions: TestSessions;
  beforeEach(() => {
    sessions = new TestSessions();
  });

  it('begins now, and ends by the lifetime of the options', async () => {
    const session = await sessions.open();
    const start = sessions.store.time;
    expect([session.isNew, session.isModified, session.isDestroyed, session.userId]).toEqual([
      true,
      false,
      false,
      null,
    ]);
    expect([session.createdAt.getTime(), session.lastAccessAt.getTime()]).toEqual([start, start]);
    expect([session.ttl, session.expiresAt.getTime(), session.generation]).toEqual([
      30 * MINUTE,
      start + 30 * MINUTE,
      null,
    ]);
    expect([session.authenticatedAt, session.auth]).toEqual([null, null]);
    sessions.store.time += SECOND;
    expect(session.createdAt.getTime()).toBe(start);
  });

  it('has one id, under which it is stored', async () => {
    const session = await sessions.open();
    const { id } = session;
    session.set('n', 1);
    await session.save();
    expect([session.id, idOf(issued(session))]).toEqual([id, id]);
    expect(await sessions.store.dataOf(id)).toEqual({ n: 1 });
  });

  it('is not stored while it is empty, and has no cookie', async () => {
    const session = await sessions.open();
    expect([session.settle(true), session.settle(false)]).toEqual([null, null]);
    await session.save();
    await session.logout();
    expect([await sessions.store.count(), cookieOf(session), sessions.events]).toEqual([0, null, []]);
  });

  it('is not stored for a lifetime alone', async () => {
    const session = (await sessions.open()).setTtl('1h');
    expect([session.isModified, session.isUnsaved]).toEqual([false, false]);
    await session.save();
    expect(await sessions.store.count()).toBe(0);
    expect([session.ttl, session.expiresAt.getTime()]).toEqual([HOUR, sessions.store.time + HOUR]);
    session.set('n', 1);
    await session.save();
    expect(await sessions.store.stored(session.id)).toMatchObject({
      ttl: HOUR,
      endsAt: sessions.store.time + 12 * HOUR,
    });
  });

  it('notes its visitor, unless the options say not to', async () => {
    const visitor = { ip: '::1', userAgent: 'curl' };
    const stored = async (of: TestSessions) => {
      const session = (await of.open(undefined, visitor)).set('n', 1);
      await session.save();
      return of.store.stored(session.id);
    };
    expect(await stored(sessions)).toMatchObject({ ...visitor, userId: null, persistent: null });
    expect(await stored(new TestSessions({ trackDevice: false }))).toMatchObject({ ip: null, userAgent: null });
  });

  it('has begun for the events, the cookie and the counts once it is stored', async () => {
    const session = (await sessions.open()).set('n', 1);
    expect([session.isModified, session.isUnsaved]).toEqual([true, true]);
    await session.settle(true);
    const { endsAt } = await sessions.store.stored(session.id);
    expect(cookieOf(session)).toMatchObject({ kind: 'issued', endsAt, persistent: null });
    expect([sessions.events, session.isModified, session.isNew]).toEqual([['created'], false, true]);
    expect(sessions.renewed).toEqual([]);
    session.renew();
    expect(sessions.renewed).toEqual([]);
  });

  it('has another id for each attempt to store it', async () => {
    const session = (await sessions.open()).set('n', 1);
    const { id } = session;
    const failure = new SessionDataError('n', 'too large');
    sessions.store.fail('create', failure);
    await expect(session.save()).rejects.toBe(failure);
    expect(sessions.environment.commits.failed).toBe(1);
    sessions.store.mend('create');
    await session.save();
    expect(session.id).not.toBe(id);
    expect(await sessions.store.dataOf(session.id)).toEqual({ n: 1 });
  });

  it('is refused, before anything is stored, where its cookie can reach nobody', async () => {
    const error = new Error('headers are sent');
    const visitor = {
      assertReachable: () => {
        throw error;
      },
    };
    const session = (await sessions.open(undefined, visitor)).set('n', 1);
    await expect(session.save()).rejects.toBe(error);
    await expect(session.login('ada')).rejects.toBe(error);
    expect(await sessions.store.count()).toBe(0);
  });

  it('has nothing to rotate and nothing to end', async () => {
    const session = await sessions.open();
    await session.regenerate();
    await session.destroy();
    await session.reload();
    expect([cookieOf(session), sessions.events, session.isDestroyed]).toEqual([null, [], true]);
    session.set('n', 1);
    expect(session.isDestroyed).toBe(false);
    await session.save();
    expect([session.isDestroyed, sessions.events]).toEqual([false, ['created']]);
  });

  it('is stored empty where the options say so, but not for a visitor that takes no cookies', async () => {
    sessions = new TestSessions({ saveUninitialized: true });
    const session = await sessions.open();
    await session.settle(true);
    expect(await sessions.store.dataOf(session.id)).toEqual({});
    const another = await sessions.open(undefined, { takesNoCookies: true });
    expect(another.settle(true)).toBeNull();
    expect((await sessions.open(issued(session))).settle(true)).toBeNull();
    await session.destroy();
    expect(session.settle(true)).toBeNull();
    expect(await sessions.store.count()).toBe(0);
  });
});

describe('a stored session', () => {
  let sessions: TestSessions;
  let cookie: string;

  beforeEach(async () => {
    sessions = new TestSessions();
    cookie = await sessions.begun({ n: 1, kept: 'x' });
  });

  it('is what the cookie opens, as it was stored', async () => {
    const start = sessions.store.time;
    sessions.store.time += MINUTE;
    const session = await sessions.open(cookie);
    expect([session.id, session.isNew, session.isAuthenticated]).toEqual([idOf(cookie), false, false]);
    expect([session.createdAt.getTime(), session.lastAccessAt.getTime()]).toEqual([start, start]);
    expect([session.expiresAt.getTime(), session.ttl]).toEqual([start + 30 * MINUTE, 30 * MINUTE]);
    expect(session.toJSON()).toEqual({ n: 1, kept: 'x' });
    expect(session.settle(true)).toBeNull();
    expect([cookieOf(session), sessions.events]).toEqual([null, []]);
  });

  it('is over from its expiry on, and with a ttl of zero at once', async () => {
    const session = await sessions.open(cookie);
    const end = session.expiresAt.getTime();
    sessions.store.time = end - 1;
    expect(session.isExpired()).toBe(false);
    sessions.store.time = end;
    expect(session.isExpired()).toBe(true);
    sessions.store.time = end - MINUTE;
    expect([session.isExpired(), session.setTtl(0).isExpired()]).toEqual([false, true]);
    session.setTtl(1);
    expect(session.isExpired()).toBe(false);
    expect(session.setTtl('1h').isExpired()).toBe(false);
  });

  it('stores what has changed, once, with the access', async () => {
    sessions.store.time += MINUTE;
    const session = (await sessions.open(cookie)).set('n', 2);
    await session.settle(true);
    expect(await sessions.store.stored(session.id)).toMatchObject({
      data: '{"n":2,"kept":"x"}',
      lastAccessAt: sessions.store.time,
      expiresAt: sessions.store.time + 30 * MINUTE,
    });
    expect(session.lastAccessAt.getTime()).toBe(sessions.store.time);
    expect([session.settle(true), sessions.environment.commits.written, cookieOf(session)]).toEqual([null, 1, null]);
    session.renew();
    expect(sessions.renewed).toEqual([]);
  });

  it('is not renewed by a commit where the route does not renew', async () => {
    const before = await sessions.store.stored(idOf(cookie));
    sessions.store.time += MINUTE;
    const session = (await sessions.open(cookie)).set('n', 2);
    expect(session.renews).toBe(true);
    session.renews = false;
    await session.save();
    session.renew();
    const { lastAccessAt, expiresAt } = before;
    expect(await sessions.store.stored(session.id)).toMatchObject({ lastAccessAt, expiresAt });
    expect(sessions.renewed).toEqual([]);
    session.renews = true;
    session.renew();
    expect(sessions.renewed).toEqual([session.id]);
  });

  it('is renewed once a request', async () => {
    const session = await sessions.open(cookie);
    session.renew();
    session.renew();
    expect(sessions.renewed).toEqual([session.id]);
  });

  it('is renewed by touch() even where the route does not renew', async () => {
    const session = await sessions.open(cookie);
    session.renews = false;
    sessions.store.time += MINUTE;
    expect(session.touch()).toBe(session);
    expect(sessions.renewed).toEqual([session.id]);
    expect(session.lastAccessAt.getTime()).toBe(sessions.store.time);
    expect(session.expiresAt.getTime()).toBe(sessions.store.time + 30 * MINUTE);
    sessions.store.time -= 2 * MINUTE;
    expect(session.touch().expiresAt.getTime()).toBe(sessions.store.time + 32 * MINUTE);
    session.renews = true;
    session.renew();
    expect(sessions.renewed).toEqual([session.id, session.id]);
  });

  it('is not touched before it is stored', async () => {
    (await sessions.open()).touch().renew();
    expect(sessions.renewed).toEqual([]);
  });

  it('has a lifetime of its own, which its cookie follows', async () => {
    const session = (await sessions.open(cookie)).setTtl('2h', { absolute: '3h' });
    const start = sessions.store.time;
    expect([session.isModified, session.isUnsaved, session.ttl]).toEqual([true, true, 2 * HOUR]);
    expect(session.expiresAt.getTime()).toBe(start + 2 * HOUR);
    await session.settle(true);
    expect(await sessions.store.stored(session.id)).toMatchObject({ ttl: 2 * HOUR, endsAt: start + 3 * HOUR });
    expect(cookieOf(session)).toEqual({ kind: 'issued', value: cookie, endsAt: start + 3 * HOUR, persistent: null });
    expect([session.isModified, session.expiresAt.getTime(), session.settle(true)]).toEqual([
      false,
      start + 2 * HOUR,
      null,
    ]);
    expect((await sessions.open(cookie)).setTtl('4h', { absolute: '1h' }).expiresAt.getTime()).toBe(start + HOUR);
    expect((await sessions.open(cookie)).setTtl('20h').expiresAt.getTime()).toBe(start + 20 * HOUR);
    expect((await sessions.open(cookie)).setTtl('2h', { absolute: false }).expiresAt.getTime()).toBe(start + 2 * HOUR);
  });

  it('has a lifetime that cannot be set to what is none', async () => {
    const session = await sessions.open(cookie);
    expect(() => session.setTtl('soon')).toThrow(/^"ttl" must be .*, but was another string\.$/);
    expect(() => session.setTtl('1h', { absolute: 'never' })).toThrow(/^"absolute" must be/);
    expect(() => session.setTtl('1h', null as never)).toThrow(
      new SessionArgumentError('setTtl() takes a plain object there, but got null.'),
    );
    expect(() => session.setTtl('1h', [] as never)).toThrow(SessionArgumentError);
    const proxy = new Proxy({}, { getPrototypeOf: () => null as never, ownKeys: () => [1] as never });
    expect(() => session.setTtl('1h', proxy as never)).toThrow('an object');
    expect(session.isModified).toBe(false);
  });

  it('ends, without an absolute end of its own, as long after its start as its options say', async () => {
    sessions.store.time += MINUTE;
    const session = await sessions.open(cookie);
    const start = session.createdAt.getTime();
    expect(session.setTtl('5m').expiresAt.getTime()).toBe(start + 6 * MINUTE);
    expect(session.setTtl('13h').expiresAt.getTime()).toBe(start + 13 * HOUR);
    expect(session.setTtl('11h').expiresAt.getTime()).toBe(start + 11 * HOUR + MINUTE);
    sessions.store.time += HOUR - MINUTE;
    session.discard();
    await session.login('ada');
    const login = sessions.store.time;
    expect(session.setTtl('11h').expiresAt.getTime()).toBe(login + 11 * HOUR);
    session.discard();
    sessions.store.time += 10 * MINUTE;
    expect(session.touch().setTtl('719m').expiresAt.getTime()).toBe(login + 12 * HOUR);
    expect(session.setTtl('11h').expiresAt.getTime()).toBe(login + 10 * MINUTE + 11 * HOUR);
    sessions.store.time -= 10 * MINUTE;
    expect(session.setTtl('13h', { absolute: '12h' }).expiresAt.getTime()).toBe(login + 12 * HOUR);
    await session.save();
    expect((await sessions.store.stored(session.id)).endsAt).toBe(login + 12 * HOUR);
    expect(session.setTtl('13h').expiresAt.getTime()).toBe(login + 13 * HOUR);
    const endless = (await sessions.open(cookie)).setTtl('1h', { absolute: false });
    expect(endless.expiresAt.getTime()).toBeGreaterThan(start);
  });

  it('has no absolute end once it was given none, whatever idle timeout it is given', async () => {
    sessions.store.time += MINUTE;
    const session = (await sessions.open(cookie)).setTtl('1h', { absolute: false });
    await session.save();
    expect((await sessions.store.stored(session.id)).endsAt).toBeNull();
    expect(session.setTtl('20h').expiresAt.getTime()).toBe(session.createdAt.getTime() + MINUTE + 20 * HOUR);
  });

  it('hands on the failure of a lifetime that cannot be stored', async () => {
    const failure = new SessionDataError('', 'no');
    sessions.store.fail('commit', failure);
    await expect((await sessions.open(cookie)).setTtl('2h').save()).rejects.toBe(failure);
    sessions = new TestSessions({ saveUninitialized: true });
    sessions.store.fail('create', failure);
    await expect((await sessions.open()).save()).rejects.toBe(failure);
  });

  it('leaves a lifetime that is set while the store is at work to be stored', async () => {
    const session = (await sessions.open(cookie)).setTtl('2h');
    expect([(await sessions.open(cookie)).isUnsaved, session.isUnsaved]).toEqual([false, true]);
    const saving = session.save();
    session.setTtl('3h');
    await saving;
    expect([session.isModified, session.ttl]).toEqual([true, 3 * HOUR]);
  });

  it('that a job has found is given a lifetime, and no cookie', async () => {
    const session = (await sessions.find(idOf(cookie))).setTtl('2h');
    await session.save();
    expect([cookieOf(session), (await sessions.store.stored(session.id)).ttl]).toEqual([null, 2 * HOUR]);
  });

  it('is waited for at the end of the request, where a save is under way that is not awaited', async () => {
    const session = (await sessions.open(cookie)).set('n', 2);
    const saving = session.save();
    for (const settling of [session.settle(true), session.settle(false)]) expect(settling).toBeInstanceOf(Promise);
    await session.settle(true);
    expect(await sessions.store.dataOf(session.id)).toEqual({ n: 2, kept: 'x' });
    await saving;
    expect([session.settle(true), session.settle(false)]).toEqual([null, null]);
  });

  it('stores a key leniently where it is told to, and shows what is written, without the session', async () => {
    const session = await sessions.open(cookie);
    session.makeLenient('at', false);
    session.set('at', new Date(0) as never);
    expect(session.written.document.isChanged).toBe(true);
    await session.save();
    expect(await sessions.store.dataOf(session.id)).toMatchObject({ at: '1970-01-01T00:00:00.000Z' });
  });

  it('drops what is not stored where the response reports a failure', async () => {
    const session = (await sessions.open(cookie)).set('n', 2).setTtl('2h');
    expect(session.settle(false)).toBeNull();
    expect([session.get('n'), session.ttl, session.isModified]).toEqual([1, 30 * MINUTE, false]);
    expect(session.settle(true)).toBeNull();
  });

  it('drops, at a failure, what comes while the store is at work', async () => {
    const session = (await sessions.open(cookie)).set('n', 2);
    const saving = session.save();
    session.set('n', 3).setTtl('2h');
    const settling = session.settle(false);
    await settling;
    await saving;
    expect([session.get('n'), session.isModified]).toEqual([2, false]);
    expect(await sessions.store.dataOf(session.id)).toEqual({ n: 2, kept: 'x' });
  });

  it('counts what the store could not do, and keeps it for another attempt', async () => {
    const session = (await sessions.open(cookie)).set('n', 2);
    const { commits } = sessions.environment;
    sessions.store.fail('commit', new Error('a fault of the program'));
    await expect(session.save()).rejects.toThrow('a fault');
    expect(commits).toEqual({ written: 0, conflicts: 0, failed: 0 });
    sessions.store.fail('commit', new SessionDataError('', 'too large'));
    await expect(session.save()).rejects.toThrow('too large');
    expect(commits).toEqual({ written: 0, conflicts: 0, failed: 1 });
    sessions.store.mend('commit');
    await session.save();
    expect([commits, await sessions.store.dataOf(session.id)]).toEqual([
      { written: 1, conflicts: 0, failed: 1 },
      { n: 2, kept: 'x' },
    ]);
  });

  it('reads as empty, and reports it, where its data cannot be read', async () => {
    const session = await sessions.open(cookie);
    const stored = await sessions.store.stored(session.id);
    sessions.store.find = async () => ({ ...stored, data: '[', auth: '7', userId: 'ada' });
    const broken = await sessions.open(cookie);
    expect([broken.keys(), broken.auth, broken.avatar.identity]).toEqual([[], null, 'ada']);
    expect(sessions.unreadable).toEqual([
      [session.id, 'data', expect.any(SyntaxError)],
      [session.id, 'auth', expect.any(TypeError)],
    ]);
  });

  it('is read anew by reload(), with what is written since it was called', async () => {
    const session = (await sessions.open(cookie)).set('n', 5).setTtl('2h');
    const parallel = (await sessions.open(cookie)).set('n', 2).set('other', 1);
    await parallel.save();
    const reloading = session.reload();
    session.set('late', 1);
    await reloading;
    expect([session.toJSON(), session.ttl]).toEqual([{ n: 2, kept: 'x', other: 1, late: 1 }, 30 * MINUTE]);
    await session.save();
    expect(await sessions.store.dataOf(session.id)).toEqual({ n: 2, kept: 'x', other: 1, late: 1 });
  });

  it('has the identity that is stored, once it is read anew', async () => {
    const session = await sessions.open(cookie);
    expect(session.auth).toBeNull();
    const stored = await sessions.store.stored(session.id);
    sessions.store.find = async () => ({ ...stored, userId: 'ada', auth: '{"roles":["admin"]}' });
    await session.reload();
    expect([session.userId, session.auth]).toEqual(['ada', { roles: ['admin'] }]);
  });

  it('is read anew without what is removed meanwhile', async () => {
    const session = await sessions.open(cookie);
    const reloading = session.reload();
    session.delete('n');
    await reloading;
    expect(session.toJSON()).toEqual({ kept: 'x' });
    await session.save();
    expect(await sessions.store.dataOf(session.id)).toEqual({ kept: 'x' });
  });

  it('keeps the lifetime that is set while it is read anew', async () => {
    const session = await sessions.open(cookie);
    const reloading = session.reload();
    session.setTtl('2h');
    await reloading;
    expect(session.ttl).toBe(2 * HOUR);
  });

  it('is gone for reload() once it was ended, or logged in to, elsewhere', async () => {
    const session = await sessions.open(cookie);
    const another = await sessions.open(cookie);
    await (await sessions.open(cookie)).login('ada');
    await expect(session.reload()).rejects.toThrow(SessionGoneError);
    await sessions.store.delete(session.id, null);
    await expect(another.reload()).rejects.toThrow(SessionGoneError);
    await expect(another.reload()).rejects.toThrow(SessionGoneError);
    expect(sessions.events.filter((event) => event === 'rejected')).toHaveLength(3);
  });

  it('has no user before a login, and its identity after it', async () => {
    const session = await sessions.open(cookie);
    expect(session.avatar.isAnonymous).toBe(true);
    await session.login('ada', { roles: ['admin'] });
    expect([session.auth, session.avatar.hasRole('admin'), session.isAuthenticated]).toEqual([
      { roles: ['admin'] },
      true,
      true,
    ]);
    expect(session.authenticatedAt?.getTime()).toBe(sessions.store.time);
  });

  it('reads and writes by paths, falls back, and returns itself', async () => {
    const session = await sessions.open(cookie);
    expect([session.get('no'), session.get('no', 7), session.get('n', 7)]).toEqual([undefined, 7, 1]);
    expect(session.set('a.b', 2)).toBe(session);
    expect([session.has('a.b'), session.has('a.c'), session.delete('a.b'), session.delete('a.b')]).toEqual([
      true,
      false,
      true,
      false,
    ]);
    expect([session.pull('n'), session.pull('n'), session.pull('n', 3), session.has('n')]).toEqual([
      1,
      undefined,
      3,
      false,
    ]);
    expect([session.increment('hits'), session.increment('hits', 4), session.push('list', 1, 2)]).toEqual([1, 5, 2]);
    expect([session.flash('info', 'hello'), session.flashes('none')]).toEqual([session, []]);
    expect(session.flashes('info')).toEqual([{ category: 'info', message: 'hello' }]);
    expect(session.flash('info', 'again').flashes()).toHaveLength(1);
    expect([session.clear(), session.keys()]).toEqual([session, []]);
  });
});
