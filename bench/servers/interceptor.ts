import { type CallHandler, type ExecutionContext, Module, type NestInterceptor } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import type { Observable } from 'rxjs';
import { BareController } from './bare.js';
import { createApp } from './platform.js';
import type { StartServer } from './setting.js';

class EmptyInterceptor implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle();
  }
}

/** What Nest itself takes for the first interceptor of a route, whatever that does. */
@Module({ controllers: [BareController], providers: [{ provide: APP_INTERCEPTOR, useClass: EmptyInterceptor }] })
class InterceptorModule {}

export const start: StartServer = ({ contestant }) => createApp(InterceptorModule, contestant.platform);
