import { Injectable } from '@nestjs/common';
import { INNERMOST_STORE } from '../nest/innermost-store.js';
import { type Duration, DURATION_HINT, parseDuration } from '../session/lifetime.js';
import { kindOf } from '../session/data/json.js';
import { SessionArgumentError } from '../session.errors.js';
import { type OldSessions, SessionStore } from '../session-store.js';
import { MemorySessionStore } from '../store/memory.session-store.js';
import { provided, type TestApplication } from './test-application.js';

const NO_OLD_SESSIONS: OldSessions = {
  find: async () => null,
  list: async () => ({ rows: [], last: null }),
  remove: async () => [],
};

/**
 * Sessions in memory, on a clock that a test can move: for `overrideProvider(SessionStore).useClass(TestSessionStore)`, or as
 * the option `store`. It starts at the time of this machine, and goes on with it. Of the option `adopt`, a `table` is taken for
 * an empty one.
 */
@Injectable()
export class TestSessionStore extends MemorySessionStore {
  /** In milliseconds. */
  #ahead = 0;

  override now(): number {
    return super.now() + this.#ahead;
  }

  /** The application is tested as it is: its table of old sessions is in no reach. */
  override get oldSessions(): OldSessions {
    return NO_OLD_SESSIONS;
  }

  /** @internal */
  advance(milliseconds: number): void {
    this.#ahead += milliseconds;
  }
}

/**
 * Moves the clock of an application's sessions forward, so that idle and absolute timeouts, `@Authorize({ within })` and the
 * grace period of a rotation pass without waiting. What has expired is absent at once; `SessionService.purgeExpired()` tells
 * `events` of it.
 *
 * @param by milliseconds, or a duration such as `'31m'`
 * @throws {SessionArgumentError} for what is no duration or goes back, and where the sessions are not in a {@link TestSessionStore}.
 */
export function advanceSessionClock(app: TestApplication, by: Duration): void {
  const milliseconds = parseDuration(by);
  if (milliseconds === undefined || milliseconds < 0) {
    const found = milliseconds === undefined ? kindOf(by) : 'a negative one';
    throw new SessionArgumentError(`advanceSessionClock() takes ${DURATION_HINT}, but got ${found}.`);
  }
  // One that overrides the store stands in front; one that is the option `store` may have encryption in front of it.
  for (const token of [SessionStore, INNERMOST_STORE]) {
    const store = provided<SessionStore>(app, token);
    if (store instanceof TestSessionStore) return store.advance(milliseconds);
  }
  throw new SessionArgumentError(
    'advanceSessionClock() moves the clock of a TestSessionStore, but the sessions of this application are in another store. ' +
      'Add .overrideProvider(SessionStore).useClass(TestSessionStore) to Test.createTestingModule(…), or give SessionModule.forRoot() ' +
      'the option "store: TestSessionStore".',
  );
}
