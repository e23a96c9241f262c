import type { ExecutionContext } from '@nestjs/common';
import { answersItself } from './answering.js';
import { methodOf } from './access/methods.js';
import { accessOf, type RouteAccess } from './access/route-access.js';
import type { OnStoreErrorPolicy } from '../session.options.js';

/** Where `@SkipSession()` leaves its mark. */
export const SKIP = 'nestjs-mikro-session:skip';
/** Where `@SessionRenewal()` leaves its mark. */
export const RENEWAL = 'nestjs-mikro-session:renewal';
/** Where `@OnStoreError()` leaves its policy. */
export const ON_STORE_ERROR = 'nestjs-mikro-session:on-store-error';
/** Where Nest's `@Sse()` leaves its mark. */
const SSE = '__sse__';

/** What the decorators of a route and its controller say about its session. */
export interface SessionMetadata extends RouteAccess {
  /** Of the handler, such as `CartController.add()`. */
  readonly name: string;
  readonly isSkipped: boolean;
  readonly renews: boolean;
  /** `null`: as the module's option says. */
  readonly onStoreError: OnStoreErrorPolicy | null;
  /** Whether the route sends events (`@Sse()`), whose headers are out before the first. */
  readonly isSse: boolean;
  /** Whether the handler of a route sends the answer, and not Nest. */
  readonly answersItself: boolean;
}

const cache = new WeakMap<object, WeakMap<object, SessionMetadata>>();

/** Read once for every route, by class and handler, as classes may inherit a handler (docs/decisions/0014). */
export function metadataOf(context: ExecutionContext): SessionMetadata {
  const controller = context.getClass();
  const handler = context.getHandler();
  let handlers = cache.get(controller);
  if (handlers === undefined) cache.set(controller, (handlers = new WeakMap()));
  let metadata = handlers.get(handler);
  if (metadata === undefined) {
    const method = methodOf(handler);
    const says = (key: string): unknown => Reflect.getMetadata(key, method) ?? Reflect.getMetadata(key, controller);
    metadata = {
      ...accessOf(controller, handler),
      name: `${controller.name}.${handler.name}()`,
      isSkipped: says(SKIP) === true,
      renews: says(RENEWAL) !== false,
      onStoreError: (says(ON_STORE_ERROR) ?? null) as OnStoreErrorPolicy | null,
      isSse: Reflect.getMetadata(SSE, handler) === true,
      answersItself: answersItself(controller, handler),
    };
    handlers.set(handler, metadata);
  }
  return metadata;
}
