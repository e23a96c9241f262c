import type { ActiveSession } from '../../session/active-session.js';

/** In milliseconds: how long a session is left alone, with something that is not stored, until that counts as lost. */
const QUIET = 5_000;
/** How many sessions are kept at a time because the handler may hold their data, and change it unseen: a sample is enough. */
const MOST_HELD = 100;
/** How many are kept in all. */
const MOST = 200;

/** Finds what is written to sessions when nothing stores it by itself any more, and not saved; says so, once for each handler. */
export class LateWrites {
  readonly #warn: (message: string) => void;
  readonly #warned = new Set<string>();
  /** Those of the sessions that are about to be looked at. */
  readonly #timers = new WeakMap<ActiveSession, NodeJS.Timeout>();
  #looking = 0;

  constructor(warn: (message: string) => void) {
    this.#warn = warn;
  }

  /**
   * From now on, nothing but `save()` stores what is written to the session. It is looked at once it has been left alone for a
   * while, after it was used, and after the end where it may change without that.
   *
   * @param handler its name, for the operator
   */
  watch(session: ActiveSession, handler: string): void {
    if (this.#warned.has(handler)) return;
    session.onUse = () => this.#lookSoon(session, handler, MOST);
    if (session.document.mayDiffer) this.#lookSoon(session, handler, MOST_HELD);
  }

  /** A look at the session once it has been left alone. What waits for it must not keep the session, and its request with it. */
  #lookSoon(session: ActiveSession, handler: string, most: number): void {
    const waiting = this.#timers.get(session);
    if (waiting !== undefined) waiting.refresh();
    else if (this.#looking < most) this.#timers.set(session, this.#timer(new WeakRef(session), session, handler));
  }

  #timer(weak: WeakRef<ActiveSession>, { document, isNew }: ActiveSession, handler: string): NodeJS.Timeout {
    this.#looking++;
    const timer = setTimeout(() => {
      this.#looking--;
      const left = weak.deref();
      if (left !== undefined) this.#timers.delete(left);
      if (left?.isUnsaved ?? document.isChanged) this.#report(left, isNew, handler);
    }, QUIET);
    return timer.unref();
  }

  #report(session: ActiveSession | undefined, isNew: boolean, handler: string): void {
    if (session !== undefined) session.onUse = null;
    if (this.#warned.has(handler)) return;
    this.#warned.add(handler);
    const fix = isNew
      ? 'A new session needs its cookie in the response: begin it before that goes, and call `await session.save()` ' +
        'after what is written later.'
      : 'Write before it answers, or call `await session.save()` afterwards.';
    this.#warn(
      `${handler} wrote to its session after it had answered, when nothing is stored by itself any more, and did not ` +
        `save it: that is lost. ${fix} This is said once for each handler.`,
    );
  }
}
