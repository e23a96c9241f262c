import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { SessionSource } from './context/session-source.js';
import type { PlatformRequest } from './context/platform-request.js';
import { RequestContext } from './context/request-context.js';
import { requestContextOf } from './context/context-of.js';
import { loadForRoute } from './context/load-for-route.js';
import { checkAccess } from './access/check-access.js';
import { metadataOf, type SessionMetadata } from './session.metadata.js';

/**
 * Loads the session of every request. Registered for all routes by the module. A guard and not the interceptor that stores
 * the session: what Nest makes for a request's interceptors would otherwise be there, and in the way, all the time that the
 * database takes.
 *
 * Lets every request pass, unless there are requirements whose guards Nest does not see: `isGuardedUnseen`. Those this one
 * checks.
 */
@Injectable()
export class SessionLoaderGuard implements CanActivate {
  readonly #source: SessionSource;

  constructor(@Inject(SessionSource) source: SessionSource) {
    this.#source = source;
  }

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const metadata = metadataOf(context);
    const loaded = context.getType() === 'http' ? this.#load(context, metadata) : true;
    if (!metadata.isGuardedUnseen) return loaded;
    return Promise.resolve(loaded).then(() => checkAccess(this.#source, context));
  }

  #load(context: ExecutionContext, metadata: SessionMetadata): true | Promise<true> {
    if (metadata.isSkipped) {
      RequestContext.known(this.#source, context.getArgByIndex<PlatformRequest>(0))?.skip();
      return true;
    }
    return loadForRoute(requestContextOf(this.#source, context), metadata);
  }
}
