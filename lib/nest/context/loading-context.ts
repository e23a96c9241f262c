import type { ActiveSession } from '../../session/active-session.js';

/** Loads a session once, for all that ask, and again where that has failed. */
export abstract class LoadingContext {
  /** The name of the handler, for the operator. */
  handler = 'A handler that belongs to no controller';
  /** Whether a guard has let the visitor in as the user who is signed in. */
  isAdmitted = false;
  /** Once it is loaded. */
  protected session: ActiveSession | null = null;
  #loading: ActiveSession | Promise<ActiveSession> | null = null;

  get isLoaded(): boolean {
    return this.session !== null;
  }

  /** May throw as well as reject. */
  protected abstract open(): ActiveSession | Promise<ActiveSession>;

  /**
   * Not an error: a token that opens nothing.
   *
   * @throws {SessionStoreUnavailableError} when the store does not answer.
   * @throws {SessionOriginError} for what a page of another origin has sent that may not.
   */
  load(): ActiveSession | Promise<ActiveSession> {
    return this.session ?? (this.#loading ??= this.#load());
  }

  called(): Promise<void> | null {
    return this.session?.called() ?? null;
  }

  #load(): ActiveSession | Promise<ActiveSession> {
    let opened: ActiveSession | Promise<ActiveSession>;
    try {
      opened = this.open();
    } catch (error) {
      return Promise.reject(error as Error);
    }
    if (!(opened instanceof Promise)) return (this.session = opened);
    return opened.then(
      (session) => (this.session = session),
      (error: unknown) => {
        this.#loading = null;
        throw error;
      },
    );
  }
}
