import { SessionDataError, type SessionStoreUnavailableError } from '../session.errors.js';
import type { TrackedData } from './data/tracked-data.js';
import type { LifetimeChange } from './lifetime.js';

/** What the application reads and writes of a session, and which part of that is not stored yet. */
export class Written {
  readonly document: TrackedData;
  lifetime: LifetimeChange | null = null;
  /** Why nobody knows whether additions that are not taken for stored have been: sent again, they might be done twice. */
  doubt: SessionStoreUnavailableError | null = null;
  /** Who is signed in once all is done that was called for; `undefined`: who is now. */
  userAfter: string | null | undefined = undefined;
  /** Why the session that it was written for was not begun, and what was written before. `null`: it was, or may yet be. */
  undone: { readonly error: unknown; readonly before: Written } | null = null;

  constructor(document: TrackedData) {
    this.document = document;
  }

  /** What it is part of by now. */
  get current(): Written {
    return this.undone === null ? this : this.undone.before.current;
  }

  /** Whether anything is yet to be stored. A lifetime alone begins no session. Is no use. */
  isUnsaved(isStored: boolean): boolean {
    return (isStored && this.lifetime !== null) || this.document.isChanged;
  }

  /** Begins anew, for what comes after the session: in the object that the application holds, with nothing in it. */
  successor(): Written {
    return nobodys(this.document.successor());
  }

  /** Stands for a session that is not there any more, and leaves this one the object that the application holds. */
  blank(): Written {
    return nobodys(this.document.blank());
  }

  /** Undoes {@link successor}: what was written since is written over what was there. */
  resume(since: Written): void {
    this.document.resume(since.document);
    this.lifetime = since.lifetime ?? this.lifetime;
  }

  /** Drops what is not stored. */
  discard(): void {
    this.document.discard();
    this.lifetime = null;
    this.doubt = null;
  }

  /**
   * Does what was called for while this was being written. Where the session that was to follow was not begun, it fails as that did: it
   * must not be done to the one before. What is refused is noted, so that it is not refused again.
   */
  async during<Result>(operation: () => Promise<Result>): Promise<Result> {
    if (this.undone !== null) throw this.undone.error;
    try {
      return await operation();
    } catch (error) {
      if (error instanceof SessionDataError) this.document.noteRefusal();
      throw error;
    }
  }
}

function nobodys(document: TrackedData): Written {
  const written = new Written(document);
  written.userAfter = null;
  return written;
}

/** A session that is being left: what was written to it, and what is written to what comes after it. */
export interface Leave {
  readonly before: Written;
  readonly since: Written;
}
