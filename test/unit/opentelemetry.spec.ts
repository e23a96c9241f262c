import { describe, expect, it } from '@jest/globals';
import { TracingSessionStore } from '../../lib/opentelemetry/tracing-session-store.js';
import type { SessionStore } from '../../lib/session-store.js';

/** At least as much as any operation of a store takes. */
const GIVEN = ['one', 'two', 'three', 'four', 'five'];

describe('A store that shows what is done as spans', () => {
  const operations = Object.getOwnPropertyNames(TracingSessionStore.prototype).filter((name) => name !== 'constructor');

  it.each(operations)('hands on all that the store behind it takes: %s()', async (name) => {
    const calls: unknown[][] = [];
    const inner = new Proxy({} as Record<string, unknown>, {
      get:
        () =>
        (...given: unknown[]) => {
          calls.push(given);
          return Promise.resolve(null);
        },
    });
    const tracing = new TracingSessionStore(inner as unknown as SessionStore, (_name, run) => run());
    const operation = Reflect.get(tracing, name) as { apply(on: unknown, given: unknown[]): Promise<unknown> };
    await operation.apply(tracing, GIVEN);
    expect(calls).toEqual([GIVEN]);
  });
});
