import { SetMetadata } from '@nestjs/common';
import { ON_STORE_ERROR_POLICIES, type OnStoreErrorPolicy } from '../../session.options.js';
import { ON_STORE_ERROR } from '../session.metadata.js';
import { assertParentheses, wrongArgument } from './decorator-arguments.js';

/**
 * What becomes of requests to a route, or to all of a controller's, whose session cannot be looked up, as the store does not
 * answer in time. Nearer wins: the handler over its class, the class over the module's option `onStoreError`.
 *
 * - `'fail'`: they are answered 503, with `Retry-After`.
 * - `'anonymous'`: they go on with a stand-in for the session. It is empty, and signed in to by nobody. What is written to it
 *   is there for this request, is never stored, and is logged as dropped. `login()`, `logout()`, `destroy()`, `regenerate()`,
 *   `update()`, `reload()`, and `save()` of what was written, reject with the store's `SessionStoreUnavailableError`. The
 *   visitor's cookie is left alone.
 *
 * For routes over HTTP. `SessionGuard` and `@Authorize()` answer 503 either way, and so do gateways and GraphQL resolvers, and a
 * commit that fails once the session was loaded. Behind `sessionMiddleware()`, which does not know the route, `'anonymous'` takes
 * the module's option.
 *
 * @throws {SessionConfigurationError} when the class is defined, for any other value, and without the parentheses.
 */
export function OnStoreError(policy: OnStoreErrorPolicy): ClassDecorator & MethodDecorator;
export function OnStoreError(...given: readonly unknown[]): ClassDecorator & MethodDecorator {
  assertParentheses("@OnStoreError('anonymous')", given);
  const policy = given[0] as OnStoreErrorPolicy;
  if (ON_STORE_ERROR_POLICIES.includes(policy)) return SetMetadata(ON_STORE_ERROR, policy);
  throw wrongArgument('@OnStoreError()', "'fail' or 'anonymous'", policy);
}
