import { describe, expect, it } from '@jest/globals';
import type { ActiveSession } from '../../../lib/session/active-session.js';
import { CookieIntent } from '../../../lib/session/cookie-intent.js';
import type { Recognition } from '../../../lib/session/recognition.js';
import { NO_VISITOR } from '../../../lib/session/session-environment.js';
import {
  CREDENTIAL_LENGTH,
  credentialOf,
  isSessionId,
  issueCredential,
  parseCredential,
} from '../../../lib/session/token.js';
import { storedSession } from './stored.js';
import { idOf, TestSessions } from './sessions.js';
import { SessionGoneError } from '../../../lib/session.errors.js';

describe('A credential that is made of bytes', () => {
  it('is a UUIDv8 of the first 16, and a secret of the first 32', () => {
    const bytes = Buffer.from(Array.from({ length: 40 }, (_, index) => index));
    const credential = credentialOf(bytes, Buffer.from(bytes.toReversed()));
    expect(credential.cookieValue).toBe(
      '00010203-0405-8607-8809-0a0b0c0d0e0f.JyYlJCMiISAfHh0cGxoZGBcWFRQTEhEQDw4NDAsKCQg',
    );
    expect([credential.id, isSessionId(credential.id)]).toEqual(['00010203-0405-8607-8809-0a0b0c0d0e0f', true]);
    expect(parseCredential(credential.cookieValue)).toEqual(credential);
    expect(bytes[6]).toBe(6);
    expect(credential.cookieValue).toHaveLength(CREDENTIAL_LENGTH);
  });

  it('keeps of the bytes all but version and variant', () => {
    const ones = credentialOf(Buffer.alloc(16, 0xff), Buffer.alloc(32));
    expect(ones.id).toBe('ffffffff-ffff-8fff-bfff-ffffffffffff');
    expect(ones.cookieValue).toBe(`${ones.id}.${'A'.repeat(43)}`);
  });
});

describe('The cookie of a client that came with one of express-session', () => {
  const stored = storedSession({ endsAt: 5, persistent: true });
  const credential = { ...issueCredential(stored.id), sid: 'old' };
  const after = (recognition: Recognition) => new CookieIntent({ stored, credential, recognition }).change;

  it('is set, with the life of the session that took its place', () => {
    expect(after('current')).toEqual({ kind: 'issued', value: credential.cookieValue, endsAt: 5, persistent: true });
  });

  it.each<[Recognition]>([['previous'], ['replaced'], ['unknown']])(
    'is left alone where that session has another credential by now (%s)',
    (recognition) => {
      expect(after(recognition)).toBeNull();
    },
  );
});

describe('Where there is no visitor', () => {
  it('nothing is known of it, and a cookie may be set', () => {
    expect([NO_VISITOR.ip, NO_VISITOR.userAgent, NO_VISITOR.assertReachable()]).toEqual([null, null, undefined]);
  });
});

describe('A request that came with the credential before the current one', () => {
  it('is overtaken, and others are not', async () => {
    const sessions = new TestSessions();
    const cookie = await sessions.begun();
    expect([(await sessions.open()).isOvertaken, (await sessions.open(cookie)).isOvertaken]).toEqual([false, false]);
    await (await sessions.open(cookie)).regenerate();
    expect((await sessions.open(cookie)).isOvertaken).toBe(true);
  });

  it('opens the session as it is stored, until the grace period is over', async () => {
    const sessions = new TestSessions();
    const cookie = await sessions.begun();
    const [session, other] = [await sessions.open(cookie), await sessions.open(cookie)];
    const isOpen = async (to = session) => to.isStillOpen(sessions.store);
    expect(await isOpen()).toBe(true);
    await other.regenerate();
    expect([await isOpen(), await isOpen(other)]).toEqual([true, true]);
    sessions.store.time += 10_000;
    expect([await isOpen(), await isOpen(other)]).toEqual([false, true]);
    await other.reload();
    await expect(session.reload()).rejects.toThrow(SessionGoneError);
    // One that was found by its id has no client, and is what it is.
    const found = await sessions.find(idOf(cookie));
    expect(await isOpen(found)).toBe(true);
    await found.reload();
  });

  const OWN = [
    ['login', (session: ActiveSession) => session.login('ada')],
    ['regenerate', (session: ActiveSession) => session.regenerate()],
  ] as const;

  it.each(OWN)('opens the session over a %s() of its own that is not answered yet', async (_what, act) => {
    const sessions = new TestSessions({ rotationGrace: 0 });
    const { store } = sessions;
    const session = await sessions.open(await sessions.begun());
    const answeredLate =
      <Args extends unknown[], Result>(operation: (...args: Args) => Promise<Result>) =>
      async (...args: Args): Promise<Result> => {
        const answer = await operation(...args);
        await new Promise(setImmediate);
        return answer;
      };
    store.login = answeredLate(store.login.bind(store));
    store.rotate = answeredLate(store.rotate.bind(store));
    const acting = act(session);
    expect(await session.isStillOpen(store)).toBe(true);
    await acting;
  });

  it.each(OWN)('opens the session over a %s() of its own that is called while it is looked up', async (_what, act) => {
    const sessions = new TestSessions({ rotationGrace: 0 });
    const { store } = sessions;
    const session = await sessions.open(await sessions.begun());
    const find = store.find.bind(store);
    let acting: Promise<void> | null = null;
    store.find = async (id) => {
      const found = await find(id);
      await (acting ??= act(session));
      return found;
    };
    expect(await session.isStillOpen(store)).toBe(true);
  });

  it('does not open it over an end of its own that is under way', async () => {
    const sessions = new TestSessions();
    const session = await sessions.open(await sessions.begun());
    const [, isOpen] = await Promise.all([session.logout(), session.isStillOpen(sessions.store)]);
    expect(isOpen).toBe(false);
  });
});
