import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { SessionService } from '../session.service.js';
import { type PlatformRequest, RequestSession } from './request-session.js';
import { requestOf } from './scope-of.js';
import { metadataOf } from './session.metadata.js';

/**
 * Loads the session of every request, and lets everybody pass. Registered for all routes by the module where it is told
 * to do without its interceptor (`interceptor: false`); the session is then stored by what holds the response back.
 */
@Injectable()
export class SessionLoader implements CanActivate {
  readonly #sessions: SessionService;

  constructor(@Inject(SessionService) sessions: SessionService) {
    this.#sessions = sessions;
  }

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    if (context.getType() !== 'http') return true;
    const { isSkipped, renews } = metadataOf(context);
    if (isSkipped) {
      RequestSession.known(context.getArgByIndex<PlatformRequest>(0))?.skip();
      return true;
    }
    const request = requestOf(this.#sessions, context);
    const loading = request.load();
    if (!(loading instanceof Promise)) {
      loading.renews = renews;
      return true;
    }
    return loading.then(
      (session) => {
        session.renews = renews;
        return true;
      },
      (error: unknown) => {
        throw request.reported(error);
      },
    );
  }
}
