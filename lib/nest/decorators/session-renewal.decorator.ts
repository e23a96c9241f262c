import { SetMetadata } from '@nestjs/common';
import { RENEWAL } from '../session.metadata.js';
import { assertParentheses, wrongArgument } from './decorator-arguments.js';

/**
 * With `false`: requests to a route, or to all of a controller's, do not keep a session alive. For what a page polls by
 * itself, so that a user who has left does not stay signed in for ever. Changes are stored all the same.
 *
 * @throws {SessionConfigurationError} when the class is defined, for anything but `true` and `false`, and without the parentheses.
 */
export function SessionRenewal(renews: boolean): ClassDecorator & MethodDecorator;
export function SessionRenewal(...given: readonly unknown[]): ClassDecorator & MethodDecorator {
  assertParentheses('@SessionRenewal(false)', given);
  if (typeof given[0] === 'boolean') return SetMetadata(RENEWAL, given[0]);
  throw wrongArgument('@SessionRenewal()', 'true or false', given[0]);
}
