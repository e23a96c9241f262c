import { type CallHandler, type ExecutionContext, Inject, Injectable, type NestInterceptor } from '@nestjs/common';
import { catchError, concatMap, from, type Observable, of } from 'rxjs';
import { SessionService } from '../session.service.js';
import { statusOf } from './http-errors.js';
import type { RequestSession } from './request-session.js';
import { metadataOf } from './session.metadata.js';

/**
 * Loads the session before a handler runs, and stores it before the handler's result becomes a response. Registered for
 * all routes by the module.
 *
 * A handler that throws an `HttpException` below 500 (or a session error that answers with one) has its changes stored:
 * counting failed logins must work. Any other error drops what is not stored yet. The expiry is renewed either way.
 */
@Injectable()
export class SessionInterceptor implements NestInterceptor {
  readonly #sessions: SessionService;

  constructor(@Inject(SessionService) sessions: SessionService) {
    this.#sessions = sessions;
  }

  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    if (context.getType() !== 'http') return next.handle();
    const { isSkipped, renews } = metadataOf(context);
    if (isSkipped) return next.handle();
    const request = this.#sessions.requestSessionOf(context);
    const response = context.switchToHttp().getResponse<{ statusCode: number }>();
    try {
      (await request.load()).renews = renews;
    } catch (error) {
      throw request.reported(error);
    }
    return next.handle().pipe(
      concatMap((value) => {
        if (!request.isPending()) return of(value);
        return from(request.settle(response.statusCode).then(() => value));
      }),
      catchError((error: unknown) => this.#settleAfter(request, error)),
    );
  }

  async #settleAfter(request: RequestSession, error: unknown): Promise<never> {
    try {
      await request.settle(statusOf(error));
    } catch (instead) {
      throw request.reported(instead);
    }
    throw request.reported(error);
  }
}
