import { applyDecorators, SetMetadata, UseGuards } from '@nestjs/common';
import { type Duration, DURATION_HINT, parseDuration } from '../session/lifetime.js';
import { SessionConfigurationError } from '../session.errors.js';
import { SessionGuard } from './session.guard.js';
import { AUTHORIZE, type Requirements } from './session.metadata.js';

/** What `@Authorize()` asks for. */
export interface AuthorizeOptions {
  /** Roles, of which one is enough. */
  readonly roles?: readonly string[];
  /** Permissions, all of which are needed; see `avatar.hasPermission()`. */
  readonly permissions?: readonly string[];
  /** How long ago the login may be at most, such as `'10m'` (step-up authentication). */
  readonly within?: Duration;
}

/**
 * Guards a route, or all of a controller's, with `SessionGuard`, and asks for more than to be signed in. Whoever is not
 * signed in, or not recently enough, gets 401; whoever lacks a role or permission gets 403. What the controller asks
 * for is asked for besides what the route does.
 *
 * @throws {SessionConfigurationError} when the class is defined, for a duration that is none.
 */
export function Authorize(options: AuthorizeOptions = {}): ClassDecorator & MethodDecorator {
  const { roles = [], permissions = [] } = options;
  const within = options.within === undefined ? null : parseDuration(options.within);
  if (within === undefined) {
    throw new SessionConfigurationError(
      `@Authorize({ within }) must be ${DURATION_HINT}, but was ${JSON.stringify(options.within)}. Fix: correct it.`,
    );
  }
  const requirements: Requirements = { roles, permissions, within };
  return applyDecorators(SetMetadata(AUTHORIZE, requirements), UseGuards(SessionGuard));
}
