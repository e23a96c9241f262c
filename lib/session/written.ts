import { SessionDataError, type SessionStoreUnavailableError } from '../session.errors.js';
import type { TrackedData } from './data/tracked-data.js';
import type { LifetimeChange } from './lifetime.js';

/** What the application reads and writes of a session, and which part of that is not stored yet. */
export class Written {
  readonly document: TrackedData;
  lifetime: LifetimeChange | null = null;
  /** Why nobody knows whether additions that are not taken for stored have been: sent again, they might be done twice. */
  doubt: SessionStoreUnavailableError | null = null;
  /** What has taken its place since an operation called for it: one before has failed. `null`: nothing has. */
  heir: Written | null = null;

  constructor(document: TrackedData) {
    this.document = document;
  }

  /** What stands for it by now. */
  get current(): Written {
    return this.heir?.current ?? this;
  }

  /** Whether anything is yet to be stored. A lifetime alone begins no session. Is no use. */
  isUnsaved(isStored: boolean): boolean {
    return (isStored && this.lifetime !== null) || this.document.isChanged;
  }

  /** Begins anew, for what comes after the session: in the object that the application holds, with nothing in it. */
  successor(): Written {
    return new Written(this.document.successor());
  }

  /** Undoes {@link successor}: what was written since is written over what was there. */
  resume(since: Written): void {
    this.document.resume(since.document);
    this.lifetime = since.lifetime ?? this.lifetime;
  }

  /** Writes over what is here what was written to another. */
  takeOver(other: Written): void {
    this.document.takeOver(other.document);
    this.lifetime = other.lifetime ?? this.lifetime;
  }

  /** Drops what is not stored. */
  discard(): void {
    this.document.discard();
    this.lifetime = null;
    this.doubt = null;
  }

  /** Passes an outcome on; an error about data marks what is written now as refused, so that it is not refused again. */
  async noting<Result>(outcome: Promise<Result>): Promise<Result> {
    try {
      return await outcome;
    } catch (error) {
      if (error instanceof SessionDataError) this.document.noteRefusal();
      throw error;
    }
  }
}

/** A session that is being left: what was written to it, and what is written to what comes after it. */
export interface Leave {
  readonly before: Written;
  readonly since: Written;
}
