import { type ExecutionContext, SetMetadata } from '@nestjs/common';
import { answersItself } from './answering.js';

const SKIP = 'nestjs-mikro-session:skip';
const PUBLIC = 'nestjs-mikro-session:public';
const RENEWAL = 'nestjs-mikro-session:renewal';
/** Where Nest's `@Sse()` leaves its mark. */
const SSE = '__sse__';
/** Where `@Authorize()` leaves its {@link Requirements}. */
export const AUTHORIZE = 'nestjs-mikro-session:authorize';

/** What a route asks of whoever is signed in. */
export interface Requirements {
  /** One of these roles is enough. */
  readonly roles: readonly string[];
  /** All of these permissions are needed. */
  readonly permissions: readonly string[];
  /** How long ago the login may be, in milliseconds; `null`: as long as the session lasts. */
  readonly within: number | null;
}

/** What the decorators of a route and its controller say about its session. */
export interface SessionMetadata {
  readonly isSkipped: boolean;
  readonly isPublic: boolean;
  readonly renews: boolean;
  /** Whether the route sends events (`@Sse()`), whose headers are out before the first. */
  readonly isSse: boolean;
  /** Whether the handler of a route sends the answer, and not Nest. */
  readonly answersItself: boolean;
  /** Those of the controller and those of the route: all must be met. */
  readonly requirements: readonly Requirements[];
}

/**
 * Leaves a route, or all of a controller's, without sessions: no look-up, no renewal, no `request.session` (but what
 * `sessionMiddleware()` has loaded before the route was known). Nobody is signed in there, so `SessionGuard` lets nobody
 * in unless the route is `@Public()` as well.
 */
export function SkipSession(): ClassDecorator & MethodDecorator {
  return SetMetadata(SKIP, true);
}

/** Lets everybody in where `SessionGuard` stands before all routes, or all of a controller's. */
export function Public(): ClassDecorator & MethodDecorator {
  return SetMetadata(PUBLIC, true);
}

/**
 * With `false`: requests to a route, or to all of a controller's, do not keep a session alive. For what a page polls by
 * itself, so that nobody stays signed in for ever who has gone home. Changes are stored all the same.
 */
export function SessionRenewal(renews: boolean): ClassDecorator & MethodDecorator {
  return SetMetadata(RENEWAL, renews);
}

const cache = new WeakMap<object, WeakMap<object, SessionMetadata>>();

/** Read once for every route: reflection is slow. */
export function metadataOf(context: ExecutionContext): SessionMetadata {
  const controller = context.getClass();
  const handler = context.getHandler();
  let handlers = cache.get(controller);
  if (handlers === undefined) cache.set(controller, (handlers = new WeakMap()));
  let metadata = handlers.get(handler);
  if (metadata === undefined) {
    const says = (key: string): unknown => Reflect.getMetadata(key, handler) ?? Reflect.getMetadata(key, controller);
    const requirements = [controller, handler].map((target) => Reflect.getMetadata(AUTHORIZE, target) as Requirements);
    metadata = {
      isSkipped: says(SKIP) === true,
      isPublic: says(PUBLIC) === true,
      renews: says(RENEWAL) !== false,
      isSse: Reflect.getMetadata(SSE, handler) === true,
      answersItself: answersItself(controller, handler),
      requirements: requirements.filter((one) => one !== undefined),
    };
    handlers.set(handler, metadata);
  }
  return metadata;
}
