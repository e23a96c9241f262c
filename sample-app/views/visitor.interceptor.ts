import { type CallHandler, type ExecutionContext, Inject, Injectable, type NestInterceptor } from '@nestjs/common';
import type { Request } from 'express';
import { SessionService } from 'nestjs-mikro-session';
import { concatMap, type Observable } from 'rxjs';
import { visitorOf } from './visitor.js';

/** Adds the visitor to what a handler gives to its template: before the session is stored, as that takes out the messages. */
@Injectable()
export class VisitorInterceptor implements NestInterceptor<object, object> {
  readonly #sessions: SessionService;

  constructor(@Inject(SessionService) sessions: SessionService) {
    this.#sessions = sessions;
  }

  intercept(context: ExecutionContext, next: CallHandler<object>): Observable<object> {
    return next.handle().pipe(
      concatMap(async (model) => {
        const session = await this.#sessions.of(context);
        const path = context.switchToHttp().getRequest<Request>().originalUrl;
        return { ...model, path, visitor: visitorOf(session), messages: session.flashes() };
      }),
    );
  }
}
