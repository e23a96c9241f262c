import { SessionSetupError, SessionStoreUnavailableError } from '../../session.errors.js';
import { withTimeLimit } from '../time-limit.js';
import type { Connections } from './driver/connections.js';
import { loggable } from './driver/error-cause.js';

/** How long each step of the start may take, in milliseconds: a database may have to wake up first. Statements have a limit of their own. */
export const START_TIMEOUT = 10_000;

/** Waits for connections, not for ever: a server may accept them and stay silent. @throws {SessionSetupError} */
export function connectionsInTime(connecting: Promise<Connections>): Promise<Connections> {
  const late = (): never => {
    throw new Error(`the database did not answer within ${START_TIMEOUT} ms`);
  };
  return startStep('a connection to the database', withTimeLimit(connecting, START_TIMEOUT, late));
}

/**
 * A step of the start, which ends by itself.
 *
 * @param what is waited for
 * @param closing aborted where the application is closed meanwhile
 * @throws {SessionSetupError} saying what did not come, and why
 */
export async function startStep<Result>(what: string, step: Promise<Result>, closing?: AbortSignal): Promise<Result> {
  try {
    const result = await step;
    closing?.throwIfAborted();
    return result;
  } catch (error) {
    if (error instanceof SessionSetupError) throw error;
    const cause = loggable(error instanceof SessionStoreUnavailableError ? error.cause : error);
    const reason = cause instanceof Error && cause.message !== '' ? cause.message : String(cause);
    throw new SessionSetupError(
      `Sessions could not start. They waited for ${what}: ${reason}. Check that MikroORM is connected to a PostgreSQL that ` +
        'answers ("clientUrl"), and that its pool has a connection to spare.',
      { cause },
    );
  }
}
