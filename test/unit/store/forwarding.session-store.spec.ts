import { describe, expect, it } from '@jest/globals';
import { ForwardingSessionStore } from '../../../lib/store/forwarding.session-store.js';

/** What it passes on. */
const METHODS = [
  ['open', ['listener']],
  ['now', []],
  ['generationOf', ['secretHash', 1]],
  ['find', ['id']],
  ['create', ['session']],
  ['adopt', ['session', 'sid']],
  ['commit', ['id', 1, 'changes']],
  ['update', ['id', 1, 'change', 5]],
  ['renew', ['access']],
  ['flush', []],
  ['login', ['login', 'changesTo']],
  ['rotate', ['rotation']],
  ['delete', ['id', 1, 'ada']],
  ['confirmEnd', ['id']],
  ['findByUser', ['ada']],
  ['deleteByUser', ['ada', 'except']],
  ['keepNewest', ['ada', 3]],
  ['deleteAll', []],
  ['deleteExpired', []],
  ['claimSweep', [1]],
  ['count', []],
  ['close', []],
] as const;

describe('A store in front of another', () => {
  it.each(METHODS)('passes on %s(), with all that it is given and all that comes of it', (method, args) => {
    const calls: unknown[] = [];
    const inner = {
      description: 'the inner store',
      [method]: (...given: unknown[]) => {
        calls.push(given);
        return method === 'renew' ? undefined : `of ${method}`;
      },
    };
    const store = new (class extends ForwardingSessionStore {})(inner as never);
    const result = (store as unknown as Record<string, (...given: readonly unknown[]) => unknown>)[method]?.(...args);
    expect([calls, result]).toEqual([[args], method === 'renew' ? undefined : `of ${method}`]);
    expect(store.description).toBe('the inner store');
  });

  it('has the old sessions that the other has', () => {
    const oldSessions = { find: () => null };
    expect(new (class extends ForwardingSessionStore {})({ oldSessions } as never).oldSessions).toBe(oldSessions);
    for (const canAdopt of [true, false]) {
      expect(new (class extends ForwardingSessionStore {})({ canAdopt } as never).canAdopt).toBe(canAdopt);
    }
  });
});
