import { operatorLog } from '../operator-log.js';

const OTHERS =
  'request.session is there already, and is left alone: another library (express-session, cookie-session, ' +
  '@fastify/session) is mounted as well. The session of this library is what @Session() and SessionService.of() give. ' +
  'This is said once. How to move over: docs/migrating-from-express-session.md.';

const UNSAVED =
  'What was written to the session of a WebSocket is lost: there is no answer before which it could be stored. Call ' +
  '`session.save()`, in a middleware of the engine `session.save(() => next())`. This is said once.';

const ABANDONED =
  'answers by itself, and its client has gone before that. What it wrote to the session is lost, unless it still answers: a stream ' +
  'does not. Call `await session.save()` before the stream for what must be kept. This is said once.';

const warnedOfOthers = new WeakSet<object>();
const warnedOfUnsaved = new WeakSet<object>();
const warnedOfAbandoned = new WeakSet<object>();

/** Once for each source of sessions: a request has the session of another library. */
export function warnOfOthers(source: object): void {
  warnOnce(warnedOfOthers, source, OTHERS);
}

/** Once for each source of sessions: what was written to a session is lost. */
export function warnOfUnsaved(source: object): void {
  warnOnce(warnedOfUnsaved, source, UNSAVED);
}

/** Once for each source of sessions: a handler may never answer, as its client has gone. */
export function warnOfAbandoned(source: object, handler: string): void {
  warnOnce(warnedOfAbandoned, source, `${handler} ${ABANDONED}`);
}

function warnOnce(warned: WeakSet<object>, source: object, line: string): void {
  if (warned.has(source)) return;
  warned.add(source);
  operatorLog.warn(line);
}
