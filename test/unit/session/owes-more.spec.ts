import { describe, expect, it } from '@jest/globals';
import type { ActiveSession } from '../../../lib/session/active-session.js';
import { MINUTE, TestSessions } from './sessions.js';

async function opened(): Promise<ActiveSession> {
  const sessions = new TestSessions();
  return sessions.open(await sessions.begun());
}

const CHANGES: [string, (session: ActiveSession) => unknown][] = [
  ['a value', (session) => session.set('b', 2)],
  ['a lifetime', (session) => session.setTtl(5 * MINUTE)],
  ['an operation that nobody waits for', (session) => void session.update(() => {})],
  ['an operation with a callback', (session) => session.destroy(() => {})],
  ['a failure that is caught', (session) => void session.login('').catch(() => {})],
];

/** What the end of a request finds. */
const BEFORE: [string, (session: ActiveSession) => void][] = [
  ['nothing', () => {}],
  ['a change', (session) => void session.set('a', 1)],
  ['a lifetime', (session) => void session.setTtl(MINUTE)],
];

describe('Once the end of a request has looked at a session', () => {
  it.each(
    BEFORE.flatMap(([before, prepare]) => CHANGES.map(([change, act]) => [change, before, act, prepare] as const)),
  )(
    '%s is owed that comes afterwards (it found %s), and is not once it is settled as well',
    async (_change, _before, act, prepare) => {
      const session = await opened();
      expect(session.owesMore).toBe(false);
      prepare(session);
      const settling = session.settle(true, true);
      expect(session.owesMore).toBe(false);
      act(session);
      expect(session.owesMore).toBe(true);
      await settling;
      await session.settle(true, true);
      expect(session.owesMore).toBe(false);
    },
  );

  it('nothing is owed that comes while it waits for what is under way, which it will take', async () => {
    const session = await opened();
    session.set('a', 1);
    void session.save();
    const settling = session.settle(true, true);
    session.set('b', 2);
    void session.update(() => {});
    expect(session.owesMore).toBe(false);
    await settling;
    expect(session.owesMore).toBe(false);
  });

  it('nothing is owed of an answer that reports a failure', async () => {
    const session = await opened();
    await session.settle(false);
    session.set('a', 1);
    expect(session.owesMore).toBe(false);
  });
});
