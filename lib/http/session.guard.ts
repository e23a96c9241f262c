import {
  type CanActivate,
  type ExecutionContext,
  ForbiddenException,
  Inject,
  Injectable,
  UnauthorizedException,
} from '@nestjs/common';
import type { LiveSession } from '../session/live-session.js';
import { SessionService } from '../session.service.js';
import { metadataOf, type Requirements } from './session.metadata.js';

/**
 * Lets in whoever is signed in (and meets what `@Authorize()` asks for), and answers 401 to everybody else. For a route, a controller, or (as `APP_GUARD`) all
 * routes but those that are `@Public()`.
 */
@Injectable()
export class SessionGuard implements CanActivate {
  readonly #sessions: SessionService;

  constructor(@Inject(SessionService) sessions: SessionService) {
    this.#sessions = sessions;
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { isPublic, isSkipped, renews, requirements } = metadataOf(context);
    if (isPublic) return true;
    if (!isSkipped) {
      const request = this.#sessions.requestSessionOf(context);
      try {
        const session = await request.load();
        request.look();
        session.renews = renews;
        if (session.isAuthenticated && !session.isExpired())
          return assertMeets(session, requirements, this.#sessions.now());
      } catch (error) {
        throw request.reported(error);
      }
    }
    throw new UnauthorizedException('Sign in to go on.');
  }
}

/** @throws an HttpException when the session does not meet all requirements. */
function assertMeets(session: LiveSession, requirements: readonly Requirements[], now: number): true {
  const { avatar, authenticatedAt } = session;
  for (const { roles, permissions, within } of requirements) {
    const hasRole = roles.length === 0 || avatar.hasAnyRole(...roles);
    if (!hasRole || !permissions.every((permission) => avatar.hasPermission(permission))) {
      throw new ForbiddenException('You may not do this.');
    }
    if (within !== null && (authenticatedAt === null || now - authenticatedAt.getTime() > within)) {
      throw new UnauthorizedException('Sign in again to go on.');
    }
  }
  return true;
}
