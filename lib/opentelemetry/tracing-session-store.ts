import type { DataChanges, SessionChanges } from '../session/data/changes.js';
import type { StoredSession } from '../session/stored-session.js';
import type { SessionId } from '../session/token.js';
import type { CommittedTimes, Login, NewSession, Rotation, RotationOutcome, SessionStore } from '../session-store.js';
import { ForwardingSessionStore } from '../store/forwarding.session-store.js';

/** Runs an operation as a span; `outcomeOf` says in a word what came of it. */
export type RunAsSpan = <Result>(
  name: string,
  run: () => Promise<Result>,
  outcomeOf: (result: Result) => string,
) => Promise<Result>;

/** Shows what requests do with their sessions as spans. Changes nothing. */
export class TracingSessionStore extends ForwardingSessionStore {
  readonly #run: RunAsSpan;

  constructor(inner: SessionStore, run: RunAsSpan) {
    super(inner);
    this.#run = run;
  }

  override find(id: SessionId): Promise<StoredSession | null> {
    return this.#run('session load', () => this.inner.find(id), foundOrAbsent);
  }

  override refind(found: StoredSession): Promise<StoredSession | null> {
    return this.#run('session load', () => this.inner.refind(found), foundOrAbsent);
  }

  override create(session: NewSession): Promise<StoredSession> {
    return this.#run(
      'session create',
      () => this.inner.create(session),
      () => 'written',
    );
  }

  override commit(id: SessionId, generation: number, changes: SessionChanges): Promise<CommittedTimes | null> {
    return this.#run('session save', () => this.inner.commit(id, generation, changes), writtenOrGone);
  }

  override update(
    id: SessionId,
    generation: number | null,
    change: (stored: StoredSession) => SessionChanges | null,
    deadline?: number,
  ): Promise<StoredSession | null> {
    return this.#run('session update', () => this.inner.update(id, generation, change, deadline), writtenOrGone);
  }

  override login(
    login: Login,
    changesTo?: (stored: StoredSession) => DataChanges | null,
  ): Promise<StoredSession | null> {
    return this.#run('session login', () => this.inner.login(login, changesTo), writtenOrGone);
  }

  override rotate(rotation: Rotation): Promise<RotationOutcome> {
    return this.#run('session rotate', () => this.inner.rotate(rotation), String);
  }

  override delete(id: SessionId, generation: number | null): Promise<boolean> {
    return this.#run(
      'session end',
      () => this.inner.delete(id, generation),
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
