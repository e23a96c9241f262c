import { SetMetadata } from '@nestjs/common';
import { PUBLIC } from '../access/route-access.js';
import { assertNoArguments } from './decorator-arguments.js';

/**
 * Lets every visitor in where `SessionGuard` stands before all routes, or all of a controller's. It lifts what is said further
 * away, and never what is said nearer to the handler:
 *
 * - On a handler: what the application, its class and base classes, and the method that it overrides require,
 *   `@Authorize()` included. Not what a subclass requires that inherits the handler.
 * - On a class: what the application and its base classes require. Not what a handler requires.
 *
 * @throws {SessionConfigurationError} at start, where it stands beside `@Authorize()` or `@UseGuards(SessionGuard)` on the
 *   same class or handler; when the class is defined, for an argument, and without the parentheses.
 */
export function Public(): ClassDecorator & MethodDecorator;
export function Public(...given: readonly unknown[]): ClassDecorator & MethodDecorator {
  assertNoArguments('@Public()', given);
  return SetMetadata(PUBLIC, true);
}
