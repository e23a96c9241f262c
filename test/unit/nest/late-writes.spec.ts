import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { LateWrites } from '../../../lib/nest/context/late-writes.js';
import { ActiveSession } from '../../../lib/session/active-session.js';
import type { SessionEnvironment, Visitor } from '../../../lib/session/session-environment.js';

const VISITOR: Visitor = { ip: null, userAgent: null, assertReachable: () => {} };

describe('LateWrites', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it.each<[string, (data: Record<string, unknown>) => void]>([
    ['a getter that throws', (data) => Object.defineProperty(data, 'cart', throwing())],
    ['one further down', (data) => void Object.defineProperty(data['cart'], 'size', throwing())],
    [
      'a proxy that is revoked',
      (data) => {
        const { proxy, revoke } = Proxy.revocable({}, {});
        data['cart'] = proxy;
        revoke();
      },
    ],
  ])('takes what cannot be looked at, such as %s, for what is not saved', (_what, write) => {
    const warnings: string[] = [];
    const session = sessionWith({ cart: { size: 1 } });
    const { data } = session;
    new LateWrites((message) => warnings.push(message)).watch(session, 'CartController.add()');
    write(data as Record<string, unknown>);
    jest.runAllTimers();
    expect(warnings).toEqual([expect.stringMatching(/^CartController\.add\(\) wrote to its session after/)]);
  });

  it('keeps one in four sessions of a handler in memory, the first among them', () => {
    const late = new LateWrites(() => {});
    const kept = (handler: string): boolean => {
      const session = sessionWith({});
      late.watch(session, handler);
      return session.onUse !== null;
    };
    expect(['add()', 'add()', 'add()', 'remove()', 'add()', 'add()'].map(kept)).toEqual([
      true,
      false,
      false,
      true,
      false,
      true,
    ]);
  });
});

function throwing(): PropertyDescriptor {
  return {
    configurable: true,
    enumerable: true,
    get: () => {
      throw new Error('It is not loaded.');
    },
  };
}

/** A stored session with some data. */
function sessionWith(data: object): ActiveSession {
  const stored = { id: '', userId: null, data: JSON.stringify(data) };
  const environment = { unreadable: () => {}, endings: { count: 0 } } as unknown as SessionEnvironment;
  return new ActiveSession(environment, VISITOR, { stored, credential: null, recognition: 'current' } as never);
}
