import { LRUCache } from 'lru-cache';
import type { SessionId } from '../session/token.js';
import { bytesOfText } from './kept-session.js';
import type { OpenedDocument, OpenedText } from './opened-document.js';
import { Purging } from './purging.js';
import { Repeated } from './repeated.js';

/** What was opened of one session. */
export interface OpenedSession {
  /** With the generation under which it opened. */
  readonly auth: (OpenedText & { readonly generation: number }) | null;
  readonly document: OpenedDocument | null;
}

/** In bytes, for all sessions together. */
const MOST_KEPT = 64 * 1024 * 1024;
/** How long what is secret counts, in milliseconds, from the first text of a session on: a minute with what passes until it is purged. */
const LONGEST_KEPT = 45_000;
/** What a session, and each text that was opened, take besides the characters, in bytes; no less than was measured. */
const SESSION_OVERHEAD = 200;
const TEXT_OVERHEAD = 300;

/** Of a session of which nothing is kept. */
export const NOTHING_OPENED: OpenedSession = { auth: null, document: null };

/**
 * What was opened lately, so that the same sealed text need not be opened again. It is found by the whole sealed text: of what
 * was changed in a single character, nothing is found. Decision 20 says what that means for a dump of the memory.
 */
export class OpenedTexts {
  readonly #sessions = new LRUCache<SessionId, OpenedSession>({
    maxSize: MOST_KEPT,
    sizeCalculation: sizeOf,
    ttl: LONGEST_KEPT,
  });
  readonly #opened = new Repeated();
  readonly #purging = new Purging(this.#sessions);

  of(id: SessionId): OpenedSession {
    return this.#sessions.get(id) ?? NOTHING_OPENED;
  }

  /** Whether it is worth the memory: a session that is opened for the first time may be never again. */
  isToKeep(id: SessionId): boolean {
    return this.#sessions.has(id) || this.#opened.isAgain(id);
  }

  /** Keeps what was opened of a session in addition. */
  add(id: SessionId, opened: Partial<OpenedSession>): void {
    this.#keep(id, { ...(this.#sessions.peek(id) ?? NOTHING_OPENED), ...opened });
    this.#purging.start();
  }

  /** Takes in what is about to be stored, by key, where it can be told from it what the document will be. */
  addSealed(id: SessionId, texts: ReadonlyMap<string, OpenedText>): void {
    const before = this.#sessions.peek(id);
    const document = before?.document?.changed(texts);
    if (before && document) this.#keep(id, { ...before, document });
  }

  forget(id: SessionId): void {
    this.#sessions.delete(id);
  }

  /** For no longer than what is kept of it already: what was replaced since is part of that. */
  #keep(id: SessionId, opened: OpenedSession): void {
    this.#sessions.set(id, opened, { noUpdateTTL: this.#sessions.has(id) });
  }
}

function sizeOf({ auth, document }: OpenedSession): number {
  let bytes = SESSION_OVERHEAD;
  if (auth !== null) bytes += TEXT_OVERHEAD + auth.sealed.length + bytesOfText(auth.plain);
  if (document !== null) bytes += TEXT_OVERHEAD + document.size;
  return bytes;
}
