export { Authorize, type AuthorizeOptions } from './nest/decorators/authorize.decorator.js';
export type { ExpressSession } from './nest/express-compat.js';
export { rememberHandshakes } from './nest/context/handshake.js';
export { Public } from './nest/decorators/public.decorator.js';
export { SessionGuard } from './nest/session.guard.js';
export { SessionInterceptor } from './nest/session.interceptor.js';
export { type SessionMiddleware, sessionMiddleware } from './nest/session.middleware.js';
export { Session, type SessionMembers } from './nest/decorators/session.decorator.js';
export { SessionRenewal, SkipSession } from './nest/session.metadata.js';
export { Avatar, type AuthSnapshot } from './session/avatar.js';
export type { SessionCallback } from './session/callback.js';
export type { SessionId } from './session/token.js';
export type { DataChanges, SessionChanges } from './session/data/changes.js';
export type { FlashMessage } from './session/data/flash.js';
export type { JsonValue } from './session/data/json.js';
export type { Duration, Lifetime, LifetimeChange } from './session/lifetime.js';
export type { LiveSessionData, SessionData, SessionKey, SessionPath, SessionValue } from './session/data/paths.js';
export type { CommittedTimes, Login, NewSession, Rotation, SessionPersistence } from './session/persistence.js';
export type { StoredSession } from './session/stored-session.js';
export type { LoginOptions } from './session/session.js';
export {
  SessionArgumentError,
  SessionConfigurationError,
  SessionDataError,
  SessionError,
  type SessionErrorCode,
  SessionGoneError,
  SessionHeadersSentError,
  SessionSetupError,
  SessionStoreUnavailableError,
} from './session.errors.js';
export type { SessionEvent, SessionEventType } from './session.events.js';
export {
  type SessionModuleAsyncOptions,
  SessionModule,
  type SessionModuleExtras,
  type SessionOptionsFactory,
  type StoreProvider,
} from './nest/session.module.js';
export {
  type ResolvedSessionOptions,
  SESSION_OPTIONS,
  type SessionCacheSettings,
  type SessionEncryptionOptions,
  type SessionModuleOptions,
  type SessionRenewalOptions,
  type SessionSweepOptions,
} from './session.options.js';
export { type NewSessionContent, type SessionDevice, SessionService } from './nest/session.service.js';
export { CachingSessionStore, type SessionCacheOptions } from './store/caching.session-store.js';
export { EncryptingSessionStore } from './store/encrypting.session-store.js';
export { type EncryptionKey, KeyRing, type UnreadableListener } from './store/encryption.js';
export type { FoundValues } from './store/found-values.js';
export { MemorySessionStore } from './store/memory.session-store.js';
export { MikroOrmSessionStore, type MikroOrmSessionStoreOptions } from './store/postgres/mikro-orm.session-store.js';
export { type Access, type ChangeListener, type RenewalOutcome, SessionStore } from './store/session-store.js';
export { SessionEntity } from './store/postgres/session.entity.js';
export { SessionMigration } from './store/postgres/session.migration.js';
export type {
  ResolvedCookieOptions,
  ResolvedHeaderOptions,
  ResolvedTransportOptions,
  SessionCookieOptions,
  SessionHeaderOptions,
} from './options/transport.options.js';
