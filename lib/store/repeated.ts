import type { SessionId } from '../session/token.js';

/** How many are remembered, at most. */
const MOST = 16 * 1024;

/**
 * Tells sessions that come again from those that come once, which are not worth keeping: a text that is kept goes through several
 * garbage collections, which under load costs more than it may save.
 */
export class Repeated {
  #remembered = new Set<SessionId>();
  /** Those before them. (An `LRUCache` goes through all that there is room for whenever its last entry is deleted.) */
  #before = new Set<SessionId>();

  /** Whether it has come before, lately; it has from now on. */
  isAgain(id: SessionId): boolean {
    if (this.#remembered.has(id) || this.#before.has(id)) return true;
    this.#remembered.add(id);
    if (this.#remembered.size >= MOST / 2) {
      this.#before = this.#remembered;
      this.#remembered = new Set();
    }
    return false;
  }

  forget(id: SessionId): void {
    this.#remembered.delete(id);
    this.#before.delete(id);
  }
}
