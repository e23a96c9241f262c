import { afterEach, expect, it, jest } from '@jest/globals';
import { MemorySessionStore } from 'nestjs-mikro-session';
import { OperatorReports } from '../../lib/operator-reports.js';
import { SessionManager } from '../../lib/session-manager.js';
import { resolveOptions } from '../../lib/session.options.js';

/** Waits for its server, however long that takes. */
class PatientStore extends MemorySessionStore {
  isClosed = false;

  override open(): Promise<void> {
    return new Promise(() => {});
  }

  override async close(): Promise<void> {
    this.isClosed = true;
  }
}

afterEach(() => {
  jest.useRealTimers();
});

it('closes a store whose start never ends, once it has waited for that a while', async () => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask', 'performance'] });
  const options = resolveOptions();
  const store = new PatientStore(options);
  const manager = new SessionManager(store, options, new OperatorReports({ log() {}, warn() {}, error() {} }));
  manager.start().catch(() => {});
  const windingDown = manager.windDown();
  await jest.advanceTimersByTimeAsync(15_000);
  await windingDown;
  await manager.stop();
  expect(store.isClosed).toBe(true);
});
