import { SetMetadata } from '@nestjs/common';
import { SKIP } from '../session.metadata.js';
import { assertNoArguments } from './decorator-arguments.js';

/**
 * Leaves a route, or all of a controller's, without sessions: no look-up, no renewal, no `request.session` (but what
 * `sessionMiddleware()` has loaded before the route was known). No user is signed in there, so `SessionGuard` lets no visitor
 * in unless the route is `@Public()` as well.
 *
 * @throws {SessionConfigurationError} when the class is defined, for an argument, and without the parentheses.
 */
export function SkipSession(): ClassDecorator & MethodDecorator;
export function SkipSession(...given: readonly unknown[]): ClassDecorator & MethodDecorator {
  assertNoArguments('@SkipSession()', given);
  return SetMetadata(SKIP, true);
}
