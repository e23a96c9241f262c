import type { StoredSession } from '../session/stored-session.js';
import type { CommittedTimes, RotationOutcome, SessionStore } from '../session-store.js';
import { ForwardingSessionStore } from '../store/forwarding.session-store.js';

/** Runs an operation as a span; `outcomeOf` says in a word what came of it. */
export type RunAsSpan = <Result>(
  name: string,
  run: () => Promise<Result>,
  outcomeOf: (result: Result) => string,
) => Promise<Result>;

/** All that an operation of a store takes, whatever it takes in the end. */
type Given<Operation extends keyof SessionStore> = Parameters<
  Extract<SessionStore[Operation], (...given: never[]) => unknown>
>;

/** Shows what requests do with their sessions as spans. Changes nothing. */
export class TracingSessionStore extends ForwardingSessionStore {
  readonly #run: RunAsSpan;

  constructor(inner: SessionStore, run: RunAsSpan) {
    super(inner);
    this.#run = run;
  }

  override find(...given: Given<'find'>): Promise<StoredSession | null> {
    return this.#run('session load', () => this.inner.find(...given), foundOrAbsent);
  }

  override refind(...given: Given<'refind'>): Promise<StoredSession | null> {
    return this.#run('session load', () => this.inner.refind(...given), foundOrAbsent);
  }

  override findOneOf(...given: Given<'findOneOf'>): Promise<StoredSession | null> {
    return this.#run('session load', () => this.inner.findOneOf(...given), foundOrAbsent);
  }

  override create(...given: Given<'create'>): Promise<StoredSession> {
    return this.#run(
      'session create',
      () => this.inner.create(...given),
      () => 'written',
    );
  }

  override adopt(...given: Given<'adopt'>): Promise<StoredSession | null> {
    return this.#run('session adopt', () => this.inner.adopt(...given), writtenOrGone);
  }

  override commit(...given: Given<'commit'>): Promise<CommittedTimes | null> {
    return this.#run('session save', () => this.inner.commit(...given), writtenOrGone);
  }

  override update(...given: Given<'update'>): Promise<StoredSession | null> {
    return this.#run('session update', () => this.inner.update(...given), writtenOrGone);
  }

  override login(...given: Given<'login'>): Promise<StoredSession | null> {
    return this.#run('session login', () => this.inner.login(...given), writtenOrGone);
  }

  override rotate(...given: Given<'rotate'>): Promise<RotationOutcome> {
    return this.#run('session rotate', () => this.inner.rotate(...given), String);
  }

  override delete(...given: Given<'delete'>): Promise<boolean> {
    return this.#run(
      'session end',
      () => this.inner.delete(...given),
      (wasThere) => (wasThere ? 'written' : 'gone'),
    );
  }
}

function foundOrAbsent(stored: StoredSession | null): string {
  return stored === null ? 'absent' : 'found';
}

function writtenOrGone(result: object | null): string {
  return result === null ? 'gone' : 'written';
}
