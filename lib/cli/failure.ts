import { SessionSetupError, SessionStoreUnavailableError } from '../session.errors.js';
import { loggable } from '../store/postgres/driver/error-cause.js';
import { escaped } from '../shown.js';

/** Why something was not done: one line, without a stack, a stored value or the address of the database. */
export function failureText(error: unknown): string {
  if (error instanceof SessionStoreUnavailableError) {
    return `The database did not do it: ${reasonOf(error.cause)}.`;
  }
  // Of a step of the start, which is none here. Without a cause it is about the table, and names the fix.
  if (error instanceof SessionSetupError && error.cause instanceof Error) {
    return `The database does not answer: ${reasonOf(error.cause)}. Check DATABASE_URL, --url or --config.`;
  }
  return escaped(error instanceof Error ? error.message : String(error));
}

function reasonOf(cause: unknown): string {
  const shown = loggable(cause);
  if (!(shown instanceof Error)) return 'it has not said why';
  // Of several addresses that a name has, each has failed; Node.js says nothing of it as a whole.
  const [first] = (shown as { errors?: readonly unknown[] }).errors ?? [];
  if (shown.message === '' && first instanceof Error) return reasonOf(first);
  return escaped(shown.message).replace(/\.$/, '');
}
