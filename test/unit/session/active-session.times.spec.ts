import { beforeEach, describe, expect, it } from '@jest/globals';
import { ActiveSession } from '../../../lib/session/active-session.js';
import type { StoredSession } from '../../../lib/session/stored-session.js';
import { HOUR, TestSessions } from './sessions.js';
import { CREDENTIAL, storedSession } from './stored.js';

describe('The times of a session that is stored', () => {
  let sessions: TestSessions;

  beforeEach(() => {
    sessions = new TestSessions();
    sessions.store.time = 2_000_000;
  });

  function open(given: Partial<StoredSession>): ActiveSession {
    const visitor = { ip: null, userAgent: null, assertReachable: () => {} };
    return new ActiveSession(sessions.environment, visitor, {
      stored: storedSession(given),
      credential: CREDENTIAL,
      recognition: 'current',
    });
  }

  it('have no login where its user has not signed in to it, as one that was taken over', () => {
    expect(open({ userId: 'ada' }).authenticatedAt).toBeNull();
    expect(open({ userId: 'ada', authenticatedAt: 5 }).authenticatedAt).toEqual(new Date(5));
    expect(open({ authenticatedAt: 5 }).authenticatedAt).toBeNull();
  });

  it('count a new absolute timeout from the login, and without one from its creation', () => {
    const expiry = (given: Partial<StoredSession>) =>
      open({ createdAt: 1_000, lastAccessAt: 2_000_000, ...given })
        .setTtl('5h', { absolute: '1h' })
        .expiresAt.getTime();
    expect([expiry({ authenticatedAt: 9_000, userId: 'ada' }), expiry({})]).toEqual([9_000 + HOUR, 1_000 + HOUR]);
  });

  it('count an absolute end that it has from the same moment', () => {
    const login = 1_000 + 2 * HOUR;
    const lastAccessAt = login + 1_000;
    const given = { createdAt: 1_000, authenticatedAt: login, userId: 'ada', lastAccessAt };
    const now = (sessions.store.time = lastAccessAt + 5_000);
    const session = open({ ...given, endsAt: login + 2 * HOUR });
    expect(session.setTtl('1h').expiresAt.getTime()).toBe(now + HOUR);
    expect(session.setTtl('3h').expiresAt.getTime()).toBe(login + 3 * HOUR);
    expect(
      open({ ...given, endsAt: null })
        .setTtl('3h')
        .expiresAt.getTime(),
    ).toBe(now + 3 * HOUR);
  });

  it('are over with a ttl of zero or less, though this clock is behind the database’s', () => {
    const expired = (ttl: number) => open({ ttl, expiresAt: 2_000_050 }).isExpired();
    expect([expired(0), expired(-1), expired(1)]).toEqual([true, true, false]);
  });
});
