import type { SessionId } from './token.js';

/** What tells whether a credential opens a session. Times are milliseconds since the epoch on the store's clock. */
export interface SessionSecrets {
  readonly id: SessionId;
  /** SHA-256 of the credential's secret. */
  readonly secretHash: Buffer;
  /** The hash that {@link secretHash} replaced; good for a moment after {@link rotatedAt}. */
  readonly previousSecretHash: Buffer | null;
  readonly rotatedAt: number | null;
  /** When its user signed in, or when it started over without one. */
  readonly authenticatedAt: number | null;
  /** When the store read this. */
  readonly readAt: number;
}

/** A session in the list of a user's: without what the application keeps there, which may be much. */
export type ListedSession = Omit<StoredSession, 'auth' | 'data'>;

/** A session as a store keeps it. */
export interface StoredSession extends SessionSecrets {
  /** Another one after every login. A change names the generation it was made under, and is refused under another one. */
  readonly generation: number;
  readonly userId: string | null;
  /** The snapshot given at login, as JSON text. */
  readonly auth: string | null;
  /** The data as JSON text; parsed when it is first read. */
  readonly data: string;
  /** The idle timeout in milliseconds. */
  readonly ttl: number;
  readonly createdAt: number;
  readonly lastAccessAt: number;
  readonly expiresAt: number;
  /** The absolute end; `null` when there is none. */
  readonly endsAt: number | null;
  /** Whether the cookie outlives the browser; `null` for what the module's options say. */
  readonly persistent: boolean | null;
  readonly ip: string | null;
  readonly userAgent: string | null;
}
