import {
  type CallHandler,
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  Inject,
  Injectable,
  Module,
  type NestInterceptor,
  Scope,
  type Type,
  UseInterceptors,
  VersioningType,
} from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR, REQUEST } from '@nestjs/core';
import type { Request, Response } from 'express';
import { type Session, SessionService } from 'nestjs-mikro-session';
import { concatMap, from, type Observable } from 'rxjs';
import { asked, Mark, markBy } from './mark.js';
import { runAnswers } from './run.js';
import { ORDER } from './scenarios.js';

/** Makes the change where the query asks for it: on its way in, or on its way out. */
function changing(name: string, scope = Scope.DEFAULT): Type<NestInterceptor> {
  @Injectable({ scope })
  class ChangingInterceptor implements NestInterceptor {
    constructor(@Inject(SessionService) readonly sessions: SessionService) {}
    async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
      const at = asked(context, 'at');
      if (at === `${name}-in`) await markBy(this.sessions, context);
      if (at !== `${name}-out`) return next.handle();
      return next.handle().pipe(concatMap((value) => from(markBy(this.sessions, context).then(() => value))));
    }
  }
  return ChangingInterceptor;
}

@Injectable()
class ChangingGuard implements CanActivate {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}
  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (asked(context, 'at') === 'guard') await markBy(this.sessions, context);
    return true;
  }
}

@Module({ providers: [{ provide: APP_INTERCEPTOR, useClass: changing('first') }] })
class FirstModule {}

@Module({
  providers: [
    { provide: APP_INTERCEPTOR, useClass: changing('last') },
    { provide: APP_INTERCEPTOR, useClass: changing('scoped', Scope.REQUEST), scope: Scope.REQUEST },
    { provide: APP_GUARD, useClass: ChangingGuard },
  ],
})
class LastModule {}

@Controller('order')
@UseInterceptors(changing('controller'))
class OrderController {
  @Get('plain') @UseInterceptors(changing('route')) plain(): string {
    return 'plain';
  }
  @Get('handler') handler(@Mark() mark: () => void): string {
    mark();
    return 'handler';
  }
}

@Injectable({ scope: Scope.REQUEST })
class Visitor {
  constructor(@Inject(REQUEST) private readonly request: { session: Session; query: { mark: string } }) {}
  change(): void {
    this.request.session.set('mark', this.request.query.mark);
  }
}

@Controller({ path: 'scoped', scope: Scope.REQUEST })
class ScopedController {
  constructor(@Inject(Visitor) private readonly visitor: Visitor) {}
  @Get('provider') provider(): void {
    this.visitor.change();
  }
  @Get('controller') controller(@Mark() mark: () => void): void {
    mark();
  }
}

@Controller({ path: 'versioned', version: '2' })
class VersionedController {
  @Get() get(@Mark() mark: () => void): void {
    mark();
  }
}

@Controller({ path: 'hosted', host: 'shop.example.com' })
class HostedController {
  @Get() get(@Mark() mark: () => void): void {
    mark();
  }
}

runAnswers(ORDER, {
  before: [FirstModule],
  imports: [LastModule],
  controllers: [OrderController, ScopedController, VersionedController, HostedController],
  providers: [Visitor],
  prepare: (app) => {
    app.setGlobalPrefix('api').enableVersioning({ type: VersioningType.URI });
    const sessions = app.get(SessionService);
    const Used = changing('used') as new (sessions: SessionService) => NestInterceptor;
    app.useGlobalInterceptors(new Used(sessions));
    if (app.getHttpAdapter().getType() !== 'express') return;
    app.use(async (request: Request, _response: Response, next: () => void) => {
      if (request.query['at'] === 'middleware') (await sessions.of(request)).set('mark', request.query['mark']);
      next();
    });
  },
});
