import type { SessionId } from '../../session/token.js';

/** As long as an id, and as the commands of Redis take it. */
const ANY_ID = [8, 4, 4, 4, 12].map((length) => '?'.repeat(length)).join('-');

/** What the keys of Redis are called. */
export class Keys {
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  session(id: SessionId): string {
    return `${this.#prefix}:s:${id}`;
  }

  sessionOf(key: string): SessionId {
    return key.slice(`${this.#prefix}:s:`.length);
  }

  /** Whose sessions are listed there. */
  user(userId: string): string {
    return `${this.#prefix}:u:${userId}`;
  }

  get sweep(): string {
    return `${this.#prefix}:sweep`;
  }

  /** Where nothing is: to have replicas confirm what was written before. */
  nothing(number: number): string {
    return `${this.#prefix}:n:${number}`;
  }

  /** Of all sessions, as SCAN takes it: of none of a longer prefix, such as this one and `:s`. */
  get allSessions(): string {
    return this.session(ANY_ID);
  }
}
