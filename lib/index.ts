/**
 * What applications import: the module, its decorators and guards, the service, the session and its types, the errors.
 *
 * @module
 */
export type { AdoptionProgress } from './adoption/adopt-all.js';
export {
  type AdoptedSession,
  type OldSession,
  type OldSessionSource,
  passportSession,
  type ToSession,
} from './adoption/old-session.js';
export { Authorize, type AuthorizeOptions } from './nest/decorators/authorize.decorator.js';
export { OnStoreError } from './nest/decorators/on-store-error.decorator.js';
export { Public } from './nest/decorators/public.decorator.js';
export { Session, type SessionMembers } from './nest/decorators/session.decorator.js';
export { SessionRenewal } from './nest/decorators/session-renewal.decorator.js';
export { SkipSession } from './nest/decorators/skip-session.decorator.js';
export { rememberHandshakes } from './nest/context/handshake.js';
export type { ExpressSession } from './nest/express-compat.js';
export type { ExpressSessionCookie } from './nest/express-compat-cookie.js';
export { SessionGuard } from './nest/session.guard.js';
export {
  type SessionHealth,
  SessionHealthIndicator,
  type SessionHealthOptions,
} from './nest/session-health.indicator.js';
export { SessionInterceptor } from './nest/session.interceptor.js';
export { SessionMiddleware, sessionMiddleware, type SessionMiddlewareFunction } from './nest/session.middleware.js';
export {
  type SessionModuleAsyncOptions,
  SessionModule,
  type SessionModuleExtras,
  type SessionOptionsFactory,
  type StoreProvider,
} from './nest/session.module.js';
export { type NewSessionContent, type SessionDevice, SessionService } from './nest/session.service.js';
export type { OldCookieOptions, SessionAdoptionOptions } from './options/adopt.options.js';
export type { AllowsOrigin, OriginRequest, SessionOriginCheckOptions } from './options/origin.options.js';
export type { SessionCookieOptions, SessionHeaderOptions } from './options/transport.options.js';
export { Avatar, type AuthSnapshot } from './session/avatar.js';
export type { SessionCallback } from './session/callback.js';
export type { FlashMessage } from './session/data/flash.js';
export type { LiveSessionData, SessionData, SessionKey, SessionPath, SessionValue } from './session/data/paths.js';
export type { Duration } from './session/lifetime.js';
export type { LoginOptions } from './session/session.js';
export type { SessionId } from './session/token.js';
export {
  SessionArgumentError,
  SessionConfigurationError,
  SessionDataError,
  SessionError,
  type SessionErrorCode,
  SessionGoneError,
  SessionHeadersSentError,
  SessionOriginError,
  SessionSetupError,
  SessionStoreUnavailableError,
} from './session.errors.js';
export type { SessionChangeEvent, SessionEvent, SessionEventType, SessionRejectedEvent } from './session.events.js';
export type {
  OnStoreErrorPolicy,
  SessionCacheSettings,
  SessionEncryptionOptions,
  SessionModuleOptions,
  SessionRenewalOptions,
  SessionSweepOptions,
} from './session.options.js';
export type { EncryptionKey } from './store/encryption.js';
export type { HistogramStats } from './stats/histogram.js';
export type { AdoptionStats, QueueStats, SessionStats, StatementStats, TokenRejection } from './stats/session-stats.js';
export { MemorySessionStore } from './store/memory.session-store.js';
export { SessionEntity, sessionEntity } from './store/postgres/session.entity.js';
export { SessionMigration } from './store/postgres/session.migration.js';
