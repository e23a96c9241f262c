import {
  type CanActivate,
  type ExecutionContext,
  ForbiddenException,
  Inject,
  Injectable,
  SetMetadata,
  UnauthorizedException,
} from '@nestjs/common';
import type { ActiveSession } from '../session/active-session.js';
import { SessionSource } from './context/session-source.js';
import { type Requirements, SESSION_GUARD } from './access/route-access.js';
import { scopeOf } from './context/context-of.js';
import { noSession } from './context/session-context.js';
import { metadataOf } from './session.metadata.js';
import { toWsException } from './ws-exception.js';

/**
 * Lets in whoever is signed in (and meets what `@Authorize()` asks for), and answers 401 to everybody else. For a route,
 * a controller, or (as `APP_GUARD`) all routes but those that are `@Public()`; for gateways and GraphQL resolvers as well.
 * Nobody is signed in to a microservice: its messages get in only where that is `@Public()`.
 *
 * Wherever it stands, and however often, it decides for the route as a whole. A `@Public()` lifts it only from nearer to the
 * handler. That goes for its subclasses, too; a guard of another class that calls it does not count as a requirement.
 *
 * @throws {SessionSetupError} at a gateway or resolver where the request behind it is not known.
 */
@Injectable()
@SetMetadata(SESSION_GUARD, true)
export class SessionGuard implements CanActivate {
  readonly #source: SessionSource;

  constructor(@Inject(SessionSource) source: SessionSource) {
    this.#source = source;
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { isPublic, isSkipped, renews, requirements } = metadataOf(context);
    if (isPublic) return true;
    const type = context.getType<string>();
    const scope = isSkipped ? null : scopeOf(this.#source, context);
    // Nest says no to a message in the way of its transport.
    if (scope === null && !['http', 'ws', 'graphql'].includes(type)) return false;
    if (scope === null && !isSkipped) throw noSession('SessionGuard', type);
    try {
      const session = await scope?.load();
      scope?.use();
      scope?.accessed(renews, context);
      if (!session?.isAuthenticated || session.isExpired()) throw new UnauthorizedException('Sign in to go on.');
      return assertMeets(session, requirements, this.#source.manager.now());
    } catch (error) {
      throw await toWsException(scope?.reported(error) ?? error, context);
    }
  }
}

/** @throws an HttpException when the session does not meet all requirements. */
function assertMeets(session: ActiveSession, requirements: readonly Requirements[], now: number): true {
  const { avatar, authenticatedAt } = session;
  for (const { roles, permissions } of requirements) {
    const hasRole = roles.length === 0 || avatar.hasAnyRole(...roles);
    if (!hasRole || !permissions.every((permission) => avatar.hasPermission(permission))) {
      throw new ForbiddenException('You may not do this.');
    }
  }
  // Last: who lacks a role should not be asked to sign in again first.
  for (const { within } of requirements) {
    if (within !== null && (authenticatedAt === null || now - authenticatedAt.getTime() > within)) {
      throw new UnauthorizedException('Sign in again to go on.');
    }
  }
  return true;
}
