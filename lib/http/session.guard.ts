import { type CanActivate, type ExecutionContext, Inject, Injectable, UnauthorizedException } from '@nestjs/common';
import { SessionService } from '../session.service.js';
import { metadataOf } from './session.metadata.js';

/**
 * Lets in whoever is signed in, and answers 401 to everybody else. For a route, a controller, or (as `APP_GUARD`) all
 * routes but those that are `@Public()`.
 */
@Injectable()
export class SessionGuard implements CanActivate {
  readonly #sessions: SessionService;

  constructor(@Inject(SessionService) sessions: SessionService) {
    this.#sessions = sessions;
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { isPublic, isSkipped } = metadataOf(context);
    if (isPublic) return true;
    if (!isSkipped) {
      const request = this.#sessions.requestSessionOf(context);
      try {
        const session = await request.load();
        request.look();
        if (session.isAuthenticated && !session.isExpired()) return true;
      } catch (error) {
        throw request.reported(error);
      }
    }
    throw new UnauthorizedException('Sign in to go on.');
  }
}
