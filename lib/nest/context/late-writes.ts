import type { ActiveSession } from '../../session/active-session.js';

/** In milliseconds: how long a session is left alone, with something that is not stored, until that counts as lost. */
const QUIET = 5_000;
/** How many sessions are kept at a time because the handler may hold their data, and change it unseen: a sample is enough. */
const MOST_HELD = 100;
/** How many are kept in all. */
const MOST = 200;
/**
 * One in so many sessions of a handler is watched, the first among them. V8 makes all objects of a kind in its old generation,
 * for good, once most of them live for long: decision 23.
 */
const ONE_IN = 4;

/** Finds what is written to sessions when nothing stores it by itself any more, and not saved; says so, once for each handler. */
export class LateWrites {
  readonly #warn: (message: string) => void;
  readonly #warned = new Set<string>();
  /** How many sessions each handler has had. */
  readonly #had = new Map<string, number>();
  #looking = 0;
  /** When the sample began, and how many are in it. */
  #since = -QUIET;
  #sampled = 0;

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
    if (this.#warned.has(handler) || !this.#isInSample(handler)) return;
    // No function here may refer to the session, or its request stays in memory as long as they do.
    const weak = new WeakRef(session);
    const { written, isNew } = session;
    let timer: NodeJS.Timeout | null = null;
    const begin = (most: number): void => {
      if (this.#looking >= most) return;
      this.#looking++;
      timer = setTimeout(() => {
        timer = null;
        this.#looking--;
        const left = weak.deref();
        if (isUnsaved(() => left?.isUnsaved ?? written.isUnsaved(!isNew))) this.#report(left, isNew, handler);
      }, QUIET);
      timer.unref();
    };
    session.onUse = () => {
      if (timer === null) begin(MOST);
      else timer.refresh();
    };
    if (written.document.mayDiffer) begin(MOST_HELD);
  }

  /** Some of each handler's, and so many in a while: what is made for each would be felt in every request under load. */
  #isInSample(handler: string): boolean {
    const had = this.#had.get(handler) ?? 0;
    this.#had.set(handler, had + 1);
    if (had % ONE_IN !== 0) return false;
    const now = performance.now();
    if (now - this.#since >= QUIET) {
      this.#since = now;
      this.#sampled = 0;
    }
    return this.#sampled++ < MOST;
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

/** What cannot be looked at, such as a proxy that is revoked, cannot be stored either. In a timer, an error ends the process. */
function isUnsaved(look: () => boolean): boolean {
  try {
    return look();
  } catch {
    return true;
  }
}
