import type { SessionError } from '../session.errors.js';
import { ActiveSession } from './active-session.js';
import { callBack, type SessionCallback } from './callback.js';
import type { SessionEnvironment, Visitor } from './session-environment.js';

/**
 * Stands for a session that could not be looked up, or was not to be, where a request goes on all the same. Empty, and signed in to by nobody.
 * What is written to it stays in this request. Whatever would have to reach the session rejects with the error of that:
 * an application must not believe that a visitor is signed in, signed out or has a fresh credential who is not.
 */
export class StandInSession extends ActiveSession {
  readonly #error: SessionError;
  #onDropped: (() => void) | null;

  /** @param onDropped called once, at the end of a request that wrote something */
  constructor(env: SessionEnvironment, visitor: Visitor, error: SessionError, onDropped: () => void) {
    super(env, visitor, null);
    this.#error = error;
    this.#onDropped = onDropped;
  }

  override login(): Promise<void> {
    return this.watched(this.#refusal());
  }

  override logout(): Promise<void> {
    return this.watched(this.#refusal());
  }

  override regenerate(): Promise<void>;
  override regenerate(callback: SessionCallback): void;
  override regenerate(callback?: SessionCallback): Promise<void> | void {
    return this.#refuse(callback);
  }

  override restart(): Promise<void>;
  override restart(callback?: SessionCallback): Promise<void> | void;
  override restart(callback?: SessionCallback): Promise<void> | void {
    return this.#refuse(callback);
  }

  override destroy(): Promise<void>;
  override destroy(callback: SessionCallback): void;
  override destroy(callback?: SessionCallback): Promise<void> | void {
    return this.#refuse(callback);
  }

  /** Not an error: there is nothing to store. Nor, where nobody waits for it, that what there is will be dropped. */
  override save(): Promise<void>;
  override save(callback: SessionCallback): void;
  override save(callback?: SessionCallback): Promise<void> | void {
    return given(this.isModified ? this.#refusal() : Promise.resolve(), callback);
  }

  override update(): Promise<never> {
    return this.watched(this.#refusal());
  }

  override reload(): Promise<void>;
  override reload(callback: SessionCallback): void;
  override reload(callback?: SessionCallback): Promise<void> | void {
    return given(this.#refusal(), callback);
  }

  /** There is no more to be stored than of a response that reports a failure: nothing. */
  override settle(commits: boolean, isAnswered = false): Promise<void> | null {
    if (!commits) {
      this.forgetUnseen();
      return null;
    }
    if (this.#onDropped !== null && this.isModified) {
      this.#onDropped();
      this.#onDropped = null;
    }
    return this.unseenFailures(isAnswered);
  }

  #refuse(callback: SessionCallback | undefined): Promise<void> | void {
    const refusal = this.#refusal();
    return given(typeof callback === 'function' ? refusal : this.watched(refusal), callback);
  }

  /** Somebody may wait for it. */
  #refusal(): Promise<never> {
    const refusal = Promise.reject<never>(this.#error);
    refusal.catch(() => {});
    return refusal;
  }
}

function given(outcome: Promise<void>, callback: SessionCallback | undefined): Promise<void> | void {
  if (typeof callback !== 'function') return outcome;
  void callBack(callback, outcome);
}
