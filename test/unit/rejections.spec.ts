import { describe, expect, it } from '@jest/globals';
import { MemorySessionStore, type SessionRejectedEvent } from 'nestjs-mikro-session';
import { OperatorReports } from '../../lib/operator-reports.js';
import { Rejections } from '../../lib/rejections.js';
import { resolveOptions } from '../../lib/session.options.js';
import { SessionManager } from '../../lib/session-manager.js';
import { createSessionId, issueCredential } from '../../lib/session/token.js';

const VISITOR = { ip: '10.0.0.1', userAgent: 'a', assertReachable: () => {} };
const HIDDEN = {
  get ip(): string {
    throw new Error('It was looked at.');
  },
  userAgent: 'a',
  assertReachable: () => {},
};
const NAMED = { sessionId: 'id', userId: null };

function rejectionsOf(trackDevice = true) {
  const clock = { now: 0 };
  const events: SessionRejectedEvent[] = [];
  const rejections = new Rejections(
    trackDevice,
    (event) => events.push(event),
    () => clock.now,
  );
  return { clock, rejections, leftOut: () => events.splice(0).map((event) => event.leftOut), events };
}

describe('Rejections', () => {
  it('are ten in a second for each reason, and say how many were left out', () => {
    const { clock, rejections, leftOut } = rejectionsOf();
    for (let n = 0; n < 25; n++) rejections.add('unknown', NAMED, VISITOR);
    expect(leftOut()).toEqual(Array.from({ length: 10 }, () => 0));
    rejections.add('wrong_secret', NAMED, VISITOR);
    expect(leftOut()).toEqual([0]);
    clock.now = 999;
    rejections.add('unknown', NAMED, VISITOR);
    expect(leftOut()).toEqual([]);
    clock.now = 1_000;
    for (let n = 0; n < 11; n++) rejections.add('unknown', NAMED, VISITOR);
    expect(leftOut()).toEqual([16, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    clock.now = 9_000;
    rejections.add('unknown', NAMED, VISITOR);
    expect(leftOut()).toEqual([1]);
  });

  it('show a user agent on one line', () => {
    const { rejections, events } = rejectionsOf();
    rejections.add('unknown', NAMED, { ...VISITOR, userAgent: 'a\u009b2J\u0085' });
    expect(events[0]?.userAgent).toBe('a\\u009b2J\\u0085');
  });

  it('do not look at the visitor where devices are not tracked, or nothing is told', () => {
    const { rejections, events } = rejectionsOf(false);
    for (let n = 0; n < 11; n++) rejections.add('unknown', NAMED, HIDDEN);
    expect(events.map(({ ip, userAgent }) => [ip, userAgent])).toEqual(Array.from({ length: 10 }, () => [null, null]));
  });

  it('are not made where there is no subscriber', async () => {
    const options = resolveOptions({ sweep: false });
    const manager = new SessionManager(
      new MemorySessionStore(options),
      options,
      new OperatorReports({ log: () => {}, warn: () => {}, error: () => {} }),
    );
    const open = () => manager.open([issueCredential(createSessionId())], HIDDEN);
    await open();
    expect(manager.meter.rejected.unknown).toBe(1);
    const subscription = manager.events.subscribe(() => {});
    await expect(open()).rejects.toThrow('It was looked at.');
    subscription.unsubscribe();
    await open();
  });
});
