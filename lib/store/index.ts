/**
 * What stores are written with, and named by: `nestjs-mikro-session/store`.
 *
 * A store is a class that extends {@link SessionStore}, given to `SessionModule.forRoot({ store })`; it may inject
 * {@link SESSION_OPTIONS}. `sessionStoreContract()` of `nestjs-mikro-session/testing` tests it.
 *
 * @module
 */
export type { DataChanges, SessionChanges } from '../session/data/changes.js';
export type { FoundValues } from '../session/data/found-values.js';
export type { Lifetime, LifetimeChange } from '../session/lifetime.js';
export type { ListedSession, SessionSecrets, StoredSession } from '../session/stored-session.js';
export type { SessionId } from '../session/token.js';
export { type ResolvedSessionOptions, SESSION_OPTIONS } from '../session.options.js';
export {
  type Access,
  type CommittedTimes,
  type Login,
  type NewSession,
  type OldPage,
  type OldRow,
  type OldSessions,
  type Rotation,
  type RotationOutcome,
  SessionStore,
  type StoreListener,
} from '../session-store.js';
export { MemorySessionStore } from './memory.session-store.js';
export { MikroOrmSessionStore, type MikroOrmSessionStoreOptions } from './postgres/mikro-orm.session-store.js';
