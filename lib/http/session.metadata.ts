import { type ExecutionContext, SetMetadata } from '@nestjs/common';

const SKIP = 'nestjs-mikro-session:skip';
const PUBLIC = 'nestjs-mikro-session:public';

/** What the decorators of a route and its controller say about its session. */
export interface SessionMetadata {
  readonly isSkipped: boolean;
  readonly isPublic: boolean;
}

/**
 * Leaves a route, or all of a controller's, without sessions: no look-up, no renewal, no `request.session`. Nobody is
 * signed in there, so `SessionGuard` lets nobody in unless the route is `@Public()` as well.
 */
export function SkipSession(): ClassDecorator & MethodDecorator {
  return SetMetadata(SKIP, true);
}

/** Lets everybody in where `SessionGuard` stands before all routes, or all of a controller's. */
export function Public(): ClassDecorator & MethodDecorator {
  return SetMetadata(PUBLIC, true);
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
    const says = (key: string): boolean =>
      (Reflect.getMetadata(key, handler) ?? Reflect.getMetadata(key, controller)) === true;
    handlers.set(handler, (metadata = { isSkipped: says(SKIP), isPublic: says(PUBLIC) }));
  }
  return metadata;
}
