import { type CanActivate, type ExecutionContext, Inject, Injectable, SetMetadata } from '@nestjs/common';
import { checkAccess } from './access/check-access.js';
import { SESSION_GUARD } from './access/route-access.js';
import { SessionSource } from './context/session-source.js';

/**
 * Lets in visitors who are signed in (and meet what `@Authorize()` requires), and answers 401 to all others. For a route,
 * a controller, or (as `APP_GUARD`) all routes but those that are `@Public()`; for gateways and GraphQL resolvers as well.
 * In a microservice no user is signed in: its messages get in only where that is `@Public()`.
 *
 * Wherever it stands, and however often, it decides for the route as a whole. A `@Public()` lifts it only from nearer to the
 * handler. That goes for its subclasses, too; a guard of another class that calls it does not count as a requirement.
 *
 * @throws {SessionSetupError} at a gateway or resolver where the request behind it is not known.
 */
@Injectable()
@SetMetadata(SESSION_GUARD, true)
export class SessionGuard implements CanActivate {
  // Not by the constructor: that is left to subclasses.
  @Inject(SessionSource) private readonly sessionSource!: SessionSource;

  canActivate(context: ExecutionContext): Promise<boolean> {
    return checkAccess(this.sessionSource, context);
  }
}
