import { applyDecorators, type Type, UseGuards } from '@nestjs/common';
import { CIRCULAR_IMPORT, membersOf, unknownOption } from '../../options/members.js';
import { type Duration, DURATION_HINT, parseDuration, shownDuration } from '../../session/lifetime.js';
import { SessionConfigurationError } from '../../session.errors.js';
import { AUTHORIZE, type Requirements } from '../access/route-access.js';
import { SessionGuard } from '../session.guard.js';
import { assertParentheses } from './decorator-arguments.js';

/** What `@Authorize()` asks for. A member that is not meant is left out: one that is there with `undefined` is an error. */
export interface AuthorizeOptions {
  /** Roles, of which one is enough. */
  readonly roles?: readonly string[];
  /** Permissions, all of which are needed; see `avatar.hasPermission()`. */
  readonly permissions?: readonly string[];
  /** How long ago the login may be at most, such as `'10m'` (step-up authentication). */
  readonly within?: Duration;
}

/** Guards a route, or all of a controller's, with `SessionGuard`, and asks for no more than to be signed in. */
export function Authorize(): ClassDecorator & MethodDecorator;
/**
 * Guards a route, or all of a controller's, with `SessionGuard`, and asks for more than to be signed in. A visitor who
 * is not signed in, or not recently enough, gets 401; a user who lacks a role or permission gets 403.
 *
 * Requirements add up: of several `@Authorize()` on one target, of the class and its base classes, of the handler and the
 * methods that it overrides, all must be met. Only a `@Public()` that is nearer to the handler lifts them.
 *
 * @throws {SessionConfigurationError} when the class is defined, for anything but one plain object of these options or nothing,
 *   for a member that is undefined (as by a circular import), for a duration that is none and for an empty list; at
 *   start, where `@Public()` stands on the same class or handler, or a decorator above has replaced the class or method,
 *   which leaves the requirements behind.
 */
export function Authorize(options: AuthorizeOptions): ClassDecorator & MethodDecorator;
export function Authorize(...given: readonly unknown[]): ClassDecorator & MethodDecorator {
  assertParentheses('@Authorize()', given);
  const requirements = requirementsOf(given.length === 0 ? {} : optionsIn(given));
  return applyDecorators(adding(requirements), UseGuards(SessionGuard));
}

const KNOWN = ['roles', 'permissions', 'within'] satisfies (keyof AuthorizeOptions)[];

/** Whatever is not read would let in more than was meant. */
function optionsIn(given: readonly unknown[]): AuthorizeOptions {
  if (given.length > 1) {
    throw new SessionConfigurationError(
      `@Authorize() takes one object of options, but got ${given.length} arguments. Fix: name all of it in one.`,
    );
  }
  const options = membersOf('The options of @Authorize()', given[0]);
  for (const [name, value] of Object.entries(options)) {
    if (!KNOWN.includes(name as never)) throw unknownOption('@Authorize()', name, KNOWN);
    if (value !== undefined) continue;
    throw new SessionConfigurationError(
      `@Authorize({ ${name} }) is there, but undefined. ${CIRCULAR_IMPORT}, or leave "${name}" out.`,
    );
  }
  return options;
}

function requirementsOf(options: AuthorizeOptions): Requirements {
  const within = options.within === undefined ? null : parseDuration(options.within);
  if (within === undefined) {
    throw new SessionConfigurationError(
      `@Authorize({ within }) must be ${DURATION_HINT}, but was ${shownDuration(options.within)}. Fix: correct it.`,
    );
  }
  return { roles: namesIn('roles', options.roles), permissions: namesIn('permissions', options.permissions), within };
}

/** A list that has come out empty, or holds nothing where a name was meant, would let in every user. */
function namesIn(option: 'roles' | 'permissions', names: readonly string[] | undefined): readonly string[] {
  if (names === undefined) return [];
  if (Array.isArray(names) && names.length > 0 && names.every((name) => typeof name === 'string' && name !== '')) {
    return names;
  }
  throw new SessionConfigurationError(
    `@Authorize({ ${option} }) must be a list of names, and not an empty one. Fix: name them, or leave it out to let in ` +
      'every user.',
  );
}

function adding(requirements: Requirements): ClassDecorator & MethodDecorator {
  return (target: object, key?: PropertyKey, descriptor?: PropertyDescriptor): void => {
    if (descriptor === undefined) {
      // A decorator above may put another class in the place of this one, of the same prototype.
      for (const one of [target, (target as Type).prototype as object]) {
        note(requirements, Reflect.getOwnMetadata(AUTHORIZE, one), one);
      }
      return;
    }
    const method = descriptor.value as object;
    // The function may inherit from another one, which it stands for.
    note(requirements, Reflect.getMetadata(AUTHORIZE, method), method);
    // A decorator above may put another function in the place of the method.
    const name = key as string;
    note(requirements, Reflect.getOwnMetadata(AUTHORIZE, target, name), target, name);
  };
}

function note(requirements: Requirements, others: Requirements[] = [], target: object, name?: string): void {
  Reflect.defineMetadata(AUTHORIZE, [...others, requirements], target, name as string);
}
