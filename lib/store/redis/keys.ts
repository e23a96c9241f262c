import type { SessionId } from '../../session/token.js';

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

  /** Of all sessions, as SCAN takes it. */
  get allSessions(): string {
    return `${this.#prefix}:s:*`;
  }
}
