export { Authorize, type AuthorizeOptions } from './http/authorize.decorator.js';
export { SessionGuard } from './http/session.guard.js';
export { SessionInterceptor } from './http/session.interceptor.js';
export { Session, type SessionMembers } from './http/session.decorators.js';
export { Public, SessionRenewal, SkipSession } from './http/session.metadata.js';
export { Avatar, type AuthSnapshot } from './session/avatar.js';
export type { SessionId } from './session/credential.js';
export type { FlashMessage } from './session/flash.js';
export type { JsonValue } from './session/json.js';
export type { Duration } from './session/lifetime.js';
export type { LiveSessionData, SessionData, SessionKey, SessionPath, SessionValue } from './session/paths.js';
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
} from './session.module.js';
export type { SessionCookieOptions, SessionModuleOptions, SessionRenewalOptions } from './session.options.js';
export { type NewSessionContent, type SessionDevice, SessionService } from './session.service.js';
export { SessionEntity } from './store/mikro-orm/session.entity.js';
export { SessionMigration } from './store/mikro-orm/session.migration.js';
