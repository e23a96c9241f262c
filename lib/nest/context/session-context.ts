import type { ArgumentsHost } from '@nestjs/common';
import type { Observable } from 'rxjs';
import type { ActiveSession } from '../../session/active-session.js';
import { SessionSetupError } from '../../session.errors.js';

/** The session of one piece of work, such as a request or a message, as guards, interceptors and decorators need it. */
export interface SessionContext {
  /** Whether a guard has let the visitor in as the user who is signed in: then a stream ends with that. */
  isAdmitted: boolean;
  /** The session, loaded when first asked for. Not an error: a cookie that opens nothing. */
  load(): ActiveSession | Promise<ActiveSession>;
  /**
   * Settles when all operations of the session that were called are done, and those that follow on them; rejects where one has failed by
   * which the request is to fail.
   * `null`: none is under way, and none has failed so.
   */
  called(): Promise<void> | null;
  /** The session once it is loaded, for use: the answer depends on it, and says so (`Vary`). */
  use(): ActiveSession | null;
  /** Says, once it is loaded, whether what a handler does counts as an access. */
  accessed(renews: boolean, host: ArgumentsHost): void;
  /**
   * Stores what a handler changed, or drops it where the status reports a failure of the server. `null`: there is nothing
   * to wait for.
   */
  settle(status: number): Promise<void> | null;
  /**
   * The error as exception filters expect it; the same if it is none of ours.
   *
   * @param mayBeCaught whether the handler may answer in spite of it, as a guard of the application has caught it
   */
  reported(error: unknown, mayBeCaught?: boolean): unknown;
}

/** That of work that does not end with an HTTP response, and so has to be told where it begins and ends. */
export interface BoundedContext extends SessionContext {
  /** Runs a handler, storing included. */
  around(work: () => Observable<unknown>, host: ArgumentsHost): Observable<unknown>;
}

const REMEDIES: Readonly<Record<string, string>> = {
  http: 'Import SessionModule, and remove @SkipSession() from the route.',
  graphql:
    'Import SessionModule, and remove @SkipSession() from the resolver. Where neither is the reason (Apollo on Fastify), ' +
    'the GraphQL context lacks the response: make it with `context: (req, res) => ({ req, res })`.',
  ws:
    'Remove @SkipSession() from the gateway; with `interceptor: false`, give it @UseInterceptors(SessionInterceptor). ' +
    'Where neither is the reason, the handshake of the socket is not known, as the package "ws" does not keep it: ' +
    'app.useWebSocketAdapter(rememberHandshakes(new WsAdapter(app))).',
};
const ELSEWHERE =
  'It comes with the cookie of a browser. Send along what the handler needs to know, such as the user’s id.';

/** Says why there is no session, and what to do about it. */
export function noSession(what: string, type: string): SessionSetupError {
  return new SessionSetupError(`${what} has no session to give (context "${type}"). ${REMEDIES[type] ?? ELSEWHERE}`);
}
