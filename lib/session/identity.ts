import { type AuthSnapshot, Avatar } from './avatar.js';
import { readObject } from './data/json.js';
import type { StoredSession } from './stored-session.js';

/** Who is signed in to a stored session. The snapshot is parsed when it is first read. */
export class Identity {
  readonly #stored: StoredSession | null;
  readonly #onUnreadable: (error: unknown) => void;
  #auth: AuthSnapshot | null | undefined = undefined;
  #avatar: Avatar | null = null;

  /** @param onUnreadable gets the error of a snapshot that cannot be read, which then counts as none */
  constructor(stored: StoredSession | null, onUnreadable: (error: unknown) => void) {
    this.#stored = stored;
    this.#onUnreadable = onUnreadable;
  }

  get auth(): AuthSnapshot | null {
    if (this.#auth === undefined) this.#auth = this.#parse();
    return this.#auth;
  }

  get avatar(): Avatar {
    return (this.#avatar ??= new Avatar(this.#stored?.userId ?? null, this.auth));
  }

  #parse(): AuthSnapshot | null {
    const text = this.#stored?.auth ?? null;
    if (text === null) return null;
    try {
      return readObject(text);
    } catch (error) {
      this.#onUnreadable(error);
      return null;
    }
  }
}
