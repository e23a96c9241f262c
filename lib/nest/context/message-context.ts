import { AsyncLocalStorage } from 'node:async_hooks';
import type { ArgumentsHost, ExecutionContext } from '@nestjs/common';
import { finalize, Observable, Subscription, tap } from 'rxjs';
import type { ActiveSession } from '../../session/active-session.js';
import type { Visitor } from '../../session/session-environment.js';
import type { OriginRequest } from '../../options/origin.options.js';
import { SessionHeadersSentError, SessionStoreUnavailableError } from '../../session.errors.js';
import { handshakeOf } from './handshake.js';
import { reportFailure, toHttpException } from '../http-errors.js';
import { metadataOf } from '../session.metadata.js';
import { LoadingContext } from './loading-context.js';
import { refused } from './origin-refusal.js';
import type { SessionSource } from './session-source.js';
import type { BoundedContext } from './session-context.js';

/** How long a handler may go on, in milliseconds, that has not answered when its client leaves. */
const PATIENCE = 30_000;

/** What parameter decorators and the service find a message by, while its handler runs. */
const running = new AsyncLocalStorage<MessageContext>();
/** What guards and interceptors find it by: the list of arguments that Nest hands to all of them. */
const known = new WeakMap<object, MessageContext>();

/** The visitor at the other end of a socket, whose cookies are out of reach. */
const UNREACHABLE: Visitor = {
  ip: null,
  userAgent: null,
  takesNoCookies: true,
  assertReachable: () => {
    throw new SessionHeadersSentError(
      'A message on a socket has no response that could bring the session cookie to the browser. ' +
        'Start the session, log in and regenerate over HTTP, then connect.',
    );
  },
};

/**
 * The session of one message on a socket, opened by the cookie of the handshake. Every message looks it up anew: who
 * was signed in at the one before may be no longer.
 */
export class MessageContext extends LoadingContext implements BoundedContext {
  readonly #source: SessionSource;
  readonly #handshake: OriginRequest;
  readonly #client: object | null;
  #isOver = false;
  /** Whether it is of no message, but of who asks outside of the handlers: nothing ends then. */
  #isLoose = false;

  constructor(source: SessionSource, handshake: OriginRequest, client: object | null = null) {
    super();
    this.#source = source;
    this.#handshake = handshake;
    this.#client = client;
  }

  /**
   * That of the message whose handler is running, if it is this client's.
   *
   * @param source where sessions come from, unless the application is known by the handler that is running
   */
  static current(client: object, source: SessionSource | null = null): MessageContext | null {
    const current = running.getStore();
    if (current === undefined || current.#client !== client || current.#isOver) return null;
    return source === null || source === current.#source ? current : null;
  }

  /** That of the message that Nest handles; `null` where the handshake is not known. */
  static of(source: SessionSource, host: ArgumentsHost): MessageContext | null {
    const args = host.getArgs();
    const before = known.get(args);
    if (before !== undefined && before.#source === source) return before;
    const found = MessageContext.from(source, host.switchToWs().getClient<object>());
    if (found === null) return null;
    found.#isLoose = false;
    known.set(args, found);
    return found;
  }

  /** The running message's, or one for who is no handler; `null` where the handshake is not known. */
  static from(source: SessionSource, client: object): MessageContext | null {
    const current = MessageContext.current(client, source);
    if (current !== null) return current;
    const handshake = handshakeOf(client);
    if (handshake === null) return null;
    const loose = new MessageContext(source, handshake, client);
    loose.#isLoose = true;
    return loose;
  }

  use(): ActiveSession | null {
    if (this.#isLoose && this.session !== null) this.session.isOnItsOwn = true;
    return this.session;
  }

  accessed(renews: boolean, host?: ArgumentsHost): void {
    if (host !== undefined) this.handler = metadataOf(host as ExecutionContext).name;
    if (this.session !== null) this.session.renews = renews;
  }

  settle(status: number): Promise<void> | null {
    return this.session?.settle(status < 500) ?? null;
  }

  reported(error: unknown): unknown {
    if (error instanceof SessionStoreUnavailableError) this.#report(error);
    return toHttpException(error);
  }

  around(work: () => Observable<unknown>, host: ArgumentsHost): Observable<unknown> {
    // At once: an error may begin the next attempt, which is a message of its own.
    const forget = (): void => void known.delete(host.getArgs());
    return untilAnswered(
      running.run(this, work).pipe(
        tap({ error: forget, complete: forget }),
        finalize(() => this.#end()),
      ),
    );
  }

  protected open(): ActiveSession | Promise<ActiveSession> {
    const { manager, originCheck, transport } = this.#source;
    const foreign = originCheck.ofHandshake(this.#handshake);
    if (foreign !== null) throw refused(this.#source, foreign);
    return manager.open(transport.read(this.#handshake.headers), UNREACHABLE);
  }

  #end(): void {
    this.#isOver = true;
    // Only where the client left in the middle of a stream: there is no one left to report an error to.
    const settling = this.settle(200);
    if (settling !== null) {
      settling.then(
        () => this.#watch(),
        (error: unknown) => this.#report(error),
      );
      return;
    }
    this.session?.renew();
    this.#watch();
  }

  #report(error: unknown): void {
    reportFailure(this.#source.manager.reports, error);
  }

  #watch(): void {
    if (this.session === null) return;
    this.session.isOnItsOwn = true;
    this.#source.lateWrites.watch(this.session, this.handler);
  }
}

/** The client may leave at once: what it asked for is done and stored all the same. A stream ends with the client. */
function untilAnswered<Value>(source: Observable<Value>): Observable<Value> {
  return new Observable<Value>((subscriber) => {
    const work = new Subscription();
    let hasAnswered = false;
    work.add(
      source.subscribe({
        next: (value) => {
          hasAnswered = true;
          if (subscriber.closed) work.unsubscribe();
          else subscriber.next(value);
        },
        error: (error: unknown) => {
          work.unsubscribe();
          subscriber.error(error);
        },
        complete: () => {
          work.unsubscribe();
          subscriber.complete();
        },
      }),
    );
    return () => {
      if (hasAnswered) work.unsubscribe();
      else if (!work.closed) work.add(afterwards(() => work.unsubscribe(), PATIENCE));
    };
  });
}

/** Returns how to call it off. */
function afterwards(action: () => void, delay: number): () => void {
  const timer = setTimeout(action, delay);
  timer.unref();
  return () => clearTimeout(timer);
}
