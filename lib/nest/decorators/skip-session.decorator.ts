import { SetMetadata } from '@nestjs/common';
import { SKIP } from '../session.metadata.js';

/**
 * Leaves a route, or all of a controller's, without sessions: no look-up, no renewal, no `request.session` (but what
 * `sessionMiddleware()` has loaded before the route was known). No user is signed in there, so `SessionGuard` lets no visitor
 * in unless the route is `@Public()` as well.
 */
export function SkipSession(): ClassDecorator & MethodDecorator {
  return SetMetadata(SKIP, true);
}
