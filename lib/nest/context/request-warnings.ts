import { operatorLog } from '../operator-log.js';

const OTHERS =
  'request.session is there already, and is left alone: another library (express-session, cookie-session, ' +
  '@fastify/session) is mounted as well. The session of this library is what @Session() and SessionService.of() give. ' +
  'This is said once. How to move over: docs/migrating-from-express-session.md.';

const UNSAVED =
  'What was written to the session of a WebSocket is lost: there is no answer before which it could be stored. Call ' +
  '`session.save()`, in a middleware of the engine `session.save(() => next())`. This is said once.';

const warnedOfOthers = new WeakSet<object>();
const warnedOfUnsaved = new WeakSet<object>();

/** Once for each registration: a request has the session of another library. */
export function warnOfOthers(registration: object): void {
  warnOnce(warnedOfOthers, registration, OTHERS);
}

/** Once for each registration: what was written to a session is lost. */
export function warnOfUnsaved(registration: object): void {
  warnOnce(warnedOfUnsaved, registration, UNSAVED);
}

function warnOnce(warned: WeakSet<object>, registration: object, line: string): void {
  if (warned.has(registration)) return;
  warned.add(registration);
  operatorLog.warn(line);
}
