import type { SessionId } from '../../session/token.js';

/** How many rows are remembered, at most. */
const MOST = 16 * 1024;

/** In characters: of what is no longer, as many sessions as one statement takes are no more data than it takes. */
const SHORT = 2_048;

/**
 * How long the data of sessions is, as far as they are not short. A commit of a small change to much data costs as much as one of
 * much data: PostgreSQL unpacks, merges, measures and packs all of it.
 */
export class RowLengths {
  #remembered = new Map<SessionId, number>();
  /** Those before them. */
  #before = new Map<SessionId, number>();

  /** In characters, as it was last noted; 0 where it is short, or not known. */
  of(id: SessionId): number {
    return this.#remembered.get(id) ?? this.#before.get(id) ?? 0;
  }

  /** @param length in characters */
  note(id: SessionId, length: number): void {
    if (length <= SHORT) {
      if (this.#remembered.size > 0) this.#remembered.delete(id);
      if (this.#before.size > 0) this.#before.delete(id);
      return;
    }
    this.#remembered.set(id, length);
    if (this.#remembered.size < MOST / 2) return;
    this.#before = this.#remembered;
    this.#remembered = new Map();
  }
}
