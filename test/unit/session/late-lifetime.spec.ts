import { beforeEach, describe, expect, it } from '@jest/globals';
import type { ActiveSession } from '../../../lib/session/active-session.js';
import type { Duration } from '../../../lib/session/lifetime.js';
import type { SessionEnvironment } from '../../../lib/session/session-environment.js';
import { HOUR, idOf, issued, MINUTE, TestSessions } from './sessions.js';

type Lifetime = [ttl: Duration, options?: { readonly absolute: Duration | false }];

const LATE = new Error('headers are sent');

describe('A lifetime that is set when no cookie reaches the client any more', () => {
  let isLate: boolean;
  beforeEach(() => {
    isLate = false;
  });
  const visitor = {
    assertReachable: () => {
      if (isLate) throw LATE;
    },
  };

  /** A session of a client that has its cookie, twelve hours long, and that gets no other. */
  async function late(
    environment: Partial<SessionEnvironment> = {},
    persistent?: boolean,
  ): Promise<[TestSessions, ActiveSession]> {
    const sessions = new TestSessions(environment);
    const before = await sessions.open();
    await before.login('ada', undefined, persistent === undefined ? {} : { persistent });
    const session = await sessions.open(issued(before), visitor);
    isLate = true;
    return [sessions, session];
  }
  const stored = ({ store }: TestSessions, { id }: ActiveSession) => store.stored(id);

  const LONGER: [string, Lifetime][] = [
    ['an idle timeout beyond the absolute one', ['30d']],
    ['a longer absolute timeout', ['1h', { absolute: '13h' }]],
    ['no absolute timeout', ['1h', { absolute: false }]],
  ];
  const STORE: [string, (session: ActiveSession) => Promise<unknown> | null][] = [
    ['save()', (session) => session.save()],
    ['update()', (session) => session.update((data) => Object.assign(data, { u: 1 }))],
    ['the end of the request', (session) => session.settle(true, true)],
  ];
  it.each(LONGER.flatMap(([what, lifetime]) => STORE.map(([by, store]) => [what, by, lifetime, store] as const)))(
    'is refused, and nothing stored, where the session would outlive the cookie: %s, by %s',
    async (_what, _by, lifetime, store) => {
      const [sessions, session] = await late();
      const before = await stored(sessions, session);
      session.set('n', 1).setTtl(...lifetime);
      await expect(store(session)).rejects.toBe(LATE);
      expect(await stored(sessions, session)).toEqual(before);
    },
  );

  it('is refused for a session that this request has begun, too', async () => {
    const sessions = new TestSessions();
    const session = await sessions.open(undefined, visitor);
    await session.set('n', 1).save();
    isLate = true;
    await expect(session.setTtl('30d').save()).rejects.toBe(LATE);
  });

  it('is stored once it is another one that ends no later', async () => {
    const [sessions, session] = await late();
    await expect(session.setTtl('30d').save()).rejects.toBe(LATE);
    await session.setTtl('1h').save();
    expect((await stored(sessions, session)).ttl).toBe(HOUR);
  });

  it.each<[string, Lifetime]>([
    ['a shorter idle timeout', ['5m']],
    ['a longer one within the absolute one', ['2h']],
    ['a shorter absolute timeout', ['5m', { absolute: '1h' }]],
    ['the same', ['30m', { absolute: '12h' }]],
  ])('is stored where the cookie outlives the session: %s', async (_what, lifetime) => {
    const [sessions, session] = await late();
    const before = await stored(sessions, session);
    await session.setTtl(...lifetime).settle(true, true);
    const after = await stored(sessions, session);
    expect(after.ttl).toBe(session.ttl);
    expect(after.endsAt).toBeLessThanOrEqual(before.endsAt as number);
  });

  it.each<[string, () => Promise<[TestSessions, ActiveSession]>]>([
    ['goes with the browser, by the login', () => late({}, false)],
    ['has no end that a client knows of, by the options', () => late({ dropsAtEnd: () => false })],
    [
      'had no end',
      async () => {
        const [sessions, session] = await late({ lifetime: { ttl: 30 * MINUTE, absolute: null } });
        return [sessions, session];
      },
    ],
  ])('is stored where the cookie %s', async (_what, open) => {
    const [sessions, session] = await open();
    await session.setTtl('30d').settle(true, true);
    expect((await stored(sessions, session)).ttl).toBe(30 * 24 * HOUR);
  });

  it('is stored where the client has a newer cookie from another request, or the session was found by its id', async () => {
    const sessions = new TestSessions();
    const cookie = await sessions.begun();
    await (await sessions.open(cookie)).regenerate();
    isLate = true;
    for (const session of [await sessions.open(cookie, visitor), await sessions.find(idOf(cookie))]) {
      await session.setTtl('30d').settle(true, true);
      expect((await stored(sessions, session)).ttl).toBe(30 * 24 * HOUR);
    }
  });
});
