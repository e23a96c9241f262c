import type { AuthSnapshot } from '../session/avatar.js';
import type { SessionData } from '../session/data/paths.js';
import type { Duration } from '../session/lifetime.js';

/** A session of express-session, as its store keeps it: what the application has put there, and `cookie`. */
export interface OldSession {
  readonly cookie?: {
    /** When the cookie ends, as text; `null`, or absent, for one that ends with the browser. */
    readonly expires?: string | Date | null;
    readonly originalMaxAge?: number | null;
    readonly [attribute: string]: unknown;
  };
  /** What Passport keeps there: `user` is what `serializeUser()` gave. */
  readonly passport?: { readonly user?: unknown };
  readonly [key: string]: unknown;
}

/** What becomes of a session of express-session. */
export interface AdoptedSession {
  /** Who is signed in; nobody unless given. Nobody has signed in just now: `authenticatedAt` is `null` until the next login. */
  readonly userId?: string | null | undefined;
  /** As `login()` takes it: roles, permissions. */
  readonly auth?: AuthSnapshot | undefined;
  readonly data?: (Partial<SessionData> & Record<string, unknown>) | undefined;
  /**
   * How long it lives without a request. @default the module's `idleTimeout`, or the time that the old session still had, if
   * that is longer
   */
  readonly ttl?: Duration | undefined;
  /** How long it lives at most, from now; `false` for no such limit. @default the module's, or `ttl`, if that is longer */
  readonly absolute?: Duration | false | undefined;
  /** Whether the cookie outlives the browser. @default as the old one did */
  readonly persistent?: boolean | undefined;
}

/**
 * Says what becomes of a session of express-session; `null` if it is not to be taken over. May be called several times for
 * one session, as for parallel requests. When it throws, the visitor is an ordinary one, the old session stays, and the log
 * says so. Where it fails for one, such as a look-up of users, `revokeAllForUser()` rejects, as that session may be of
 * that user. Give `null` for one that is of no use any more, say of a user who is gone.
 */
export type ToSession = (old: OldSession) => AdoptedSession | null | Promise<AdoptedSession | null>;

/**
 * Where sessions of express-session are found that do not lie in a table beside ours, such as in Redis. They cannot be listed, so
 * `revokeAllForUser()` and `revokeAll()` do not end those whose visitors have not come yet: end them where they are.
 */
export interface OldSessionSource {
  /** The live session of that id; `null` for none. Called for ids that the application's secret has signed, only. */
  find(sid: string): Promise<OldSession | null | undefined>;
  /**
   * Removes it, and says whether it was there: `true` to one of all that ask at the same time, in all processes, as Redis's
   * `DEL` does. Called once our own session is stored, which ends again where it was not there: another request had taken
   * its place before.
   */
  remove(sid: string): Promise<boolean>;
}

/**
 * `toSession` for applications with Passport: its user's id becomes `userId`, all data stays, Passport's own with it. Of a user who
 * was serialized as a whole it takes the property `id`; of another kind, give `userId` yourself:
 *
 * ```ts
 * toSession: (old) => ({ ...passportSession(old), userId: old.passport?.user?.email })
 * ```
 */
export function passportSession(old: OldSession): AdoptedSession {
  // Without what a polluted prototype would add to it.
  const { cookie: _, passport, ...data } = Object.assign(Object.create(null) as OldSession, old);
  const user = passport?.user;
  // Passport up to 0.5 leaves an empty object in the session of every visitor.
  const isEmpty = (user ?? null) === null;
  return { userId: isEmpty ? null : idOf(user), data: isEmpty ? data : { ...data, passport } };
}

function idOf(user: unknown): string | null {
  const id = typeof user === 'object' && user !== null ? Object.getOwnPropertyDescriptor(user, 'id')?.value : user;
  return typeof id === 'string' || typeof id === 'number' ? String(id) : null;
}
