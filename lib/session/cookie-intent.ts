import type { FoundSession } from './session-environment.js';

/** What the response has to do to the client's cookie. */
export type CookieChange =
  ({ readonly kind: 'issued'; readonly value: string } & CookieLife) | { readonly kind: 'removed' };

/** How long the client keeps a cookie. */
export interface CookieLife {
  /** The session's absolute end, in milliseconds of the store's clock; `null` for none. */
  readonly endsAt: number | null;
  /** Whether it outlives the browser; `null` for what the module's options say. */
  readonly persistent: boolean | null;
}

/**
 * What the response has to do to the client's cookie: set it, remove it, or leave it alone. It is left alone wherever the
 * client may hold a newer one than it came with.
 */
export class CookieIntent {
  change: CookieChange | null = null;
  /**
   * A newer cookie than the one that came is at the client, or on its way there. With a session, this request sets no
   * cookie of its own accord; without one, it begins none.
   */
  isOvertaken: boolean;
  /** The hash of the secret that the client came with, however often it is replaced in this request; `null` without a session. */
  #broughtHash: Buffer | null = null;
  /** Whether the client holds the cookie of a session that this request has ended. */
  #holdsEnded = false;
  /** Whether the cookie is the one that the client came with. */
  #isBrought = true;
  /** Whether parallel requests can have the session, too. */
  #isShared = true;
  /** Whether another request may have replaced the cookie that is to be set, or moved its end. */
  #isUnconfirmed = false;

  constructor(found: FoundSession | null) {
    const recognition = found?.recognition;
    this.isOvertaken = recognition === 'previous' || recognition === 'replaced';
    if (recognition === 'current' || recognition === 'previous') {
      this.#broughtHash = found?.credential?.secretHash ?? null;
    }
    // It came with an old cookie, which stands for the same.
    if (recognition === 'current' && found?.credential?.sid !== undefined) {
      this.#set(found.credential.cookieValue, found.stored);
    }
  }

  get broughtHash(): Buffer | null {
    return this.#broughtHash;
  }

  /** A session begins, or a user signs in to it: no other request can have it until the client gets this. */
  begin(value: string, life: CookieLife): void {
    this.#isShared = false;
    this.issue(value, life);
  }

  /** The session has another credential. */
  issue(value: string, life: CookieLife): void {
    this.#isBrought = false;
    this.#set(value, life);
  }

  /** Whether the client holds the cookie of the session, or gets it by this request; and no newer one from another. */
  get isCurrent(): boolean {
    return !this.isOvertaken && (this.#broughtHash !== null || this.change?.kind === 'issued');
  }

  /** Sets the cookie again, with another end, where the client holds it; or with that end, where it gets it only now. */
  reissue(value: string, life: CookieLife): void {
    if (this.isCurrent) this.#set(value, life);
  }

  /** Whether what is stored is to be looked up before the cookie is set. */
  get isToConfirm(): boolean {
    return this.#isUnconfirmed && this.change?.kind === 'issued';
  }

  /** The cookie is still that of the session, which lives as long as this says. */
  confirm(life: CookieLife): void {
    if (this.change?.kind === 'issued') this.#set(this.change.value, life);
    this.#isUnconfirmed = false;
  }

  /** The cookie is not that of the session any more. */
  deny(): void {
    this.change = null;
    this.isOvertaken = true;
  }

  /** It cannot be confirmed: a new one goes out all the same, as the one that the client has is to die. */
  leaveUnconfirmed(): void {
    if (this.isToConfirm && this.#isBrought) this.change = null;
    this.#isUnconfirmed = false;
  }

  /** There is no session any more that the cookie could be of. */
  forget(): void {
    this.change = null;
    this.isOvertaken = false;
    this.#broughtHash = null;
  }

  /** This request has ended the session. */
  end(): void {
    this.#holdsEnded ||= this.#broughtHash !== null;
    this.forget();
    this.removeEnded();
  }

  /** The session was ended, or given to another login, by another request. */
  overtake(): void {
    this.forget();
    this.isOvertaken = true;
  }

  /** Removes the cookie of a session that this request has ended before. */
  removeEnded(): void {
    if (this.#holdsEnded) this.change = { kind: 'removed' };
  }

  #set(value: string, { endsAt, persistent }: CookieLife): void {
    this.change = { kind: 'issued', value, endsAt, persistent };
    this.#isUnconfirmed = this.#isShared;
  }
}
