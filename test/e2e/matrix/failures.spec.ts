import {
  type ArgumentsHost,
  BadRequestException,
  type CallHandler,
  type CanActivate,
  Catch,
  ConflictException,
  Controller,
  type ExceptionFilter,
  type ExecutionContext,
  ForbiddenException,
  Get,
  Inject,
  Injectable,
  Module,
  type NestInterceptor,
  NotFoundException,
  type PipeTransform,
  Query,
  Res,
  ServiceUnavailableException,
  UnauthorizedException,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import { APP_FILTER, APP_INTERCEPTOR } from '@nestjs/core';
import { Session, SessionService } from 'nestjs-mikro-session';
import { catchError, concat, lastValueFrom, type Observable, of, tap, throwError } from 'rxjs';
import { type PlatformResponse, rawOf } from '../../support/platform.js';
import { asked, Mark, markBy } from './mark.js';
import { runAnswers } from './run.js';
import { FAILURES } from './scenarios.js';

/** Makes its change, and then does what the query asks for. */
@Injectable()
class MarkingGuard implements CanActivate {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}
  async canActivate(context: ExecutionContext): Promise<boolean> {
    await markBy(this.sessions, context);
    const what = asked(context, 'guard');
    if (what === 'exception') throw new UnauthorizedException();
    if (what === 'error') throw new Error('broken guard');
    return what !== 'false';
  }
}

const badPipe: PipeTransform = {
  transform: () => {
    throw new BadRequestException('not a number');
  },
};
const brokenPipe: PipeTransform = {
  transform: () => {
    throw new Error('broken pipe');
  },
};

/** Does at its place what the query asks for under its name. */
function failing(name: string) {
  @Injectable()
  class FailingInterceptor implements NestInterceptor {
    constructor(@Inject(SessionService) readonly sessions: SessionService) {}
    async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
      const what = asked(context, name);
      if (what?.endsWith('-in')) {
        await markBy(this.sessions, context);
        throw errorFor(what);
      }
      if (what === 'error-late') {
        await lastValueFrom(next.handle());
        throw errorFor(what);
      }
      if (what === 'rescue') return next.handle().pipe(catchError(() => of('rescued')));
      return next.handle().pipe(
        tap(() => {
          if (what !== undefined) throw errorFor(what);
        }),
      );
    }
  }
  return FailingInterceptor;
}

function errorFor(what: string): Error {
  return what.startsWith('exception') ? new ConflictException() : new Error('broken interceptor');
}

@Module({ providers: [{ provide: APP_INTERCEPTOR, useClass: failing('outer') }] })
class OuterModule {}

@Module({ providers: [{ provide: APP_INTERCEPTOR, useClass: failing('inner') }] })
class InnerModule {}

/** Tells the visitor on the next page, as applications do. */
@Catch()
class FlashingFilter implements ExceptionFilter {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}
  async catch(_error: unknown, host: ArgumentsHost): Promise<void> {
    await markBy(this.sessions, host);
    (await this.sessions.of(host)).flash('error', 'No entry.');
    host.switchToHttp().getResponse<PlatformResponse>().status(302).redirect('/elsewhere');
  }
}

@Catch()
class RedirectingFilter implements ExceptionFilter {
  catch(_error: unknown, host: ArgumentsHost): void {
    host.switchToHttp().getResponse<PlatformResponse>().status(302).redirect('/elsewhere');
  }
}

@Catch()
class FailingFilter implements ExceptionFilter {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}
  async catch(_error: unknown, host: ArgumentsHost): Promise<void> {
    await markBy(this.sessions, host);
    host.switchToHttp().getResponse<PlatformResponse>().status(500).send('sorry');
  }
}

@Catch(NotFoundException)
class LostFilter implements ExceptionFilter {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}
  async catch(_error: NotFoundException, host: ArgumentsHost): Promise<void> {
    await markBy(this.sessions, host);
    host.switchToHttp().getResponse<PlatformResponse>().status(404).send('lost?');
  }
}

@Controller('failures')
class FailuresController {
  @Get('value') value(@Mark() mark: () => void): string {
    mark();
    return 'value';
  }
  @Get('exception') exception(@Mark() mark: () => void): never {
    mark();
    throw new BadRequestException();
  }
  @Get('unavailable') unavailable(@Mark() mark: () => void): never {
    mark();
    throw new ServiceUnavailableException();
  }
  @Get('error') error(@Mark() mark: () => void): never {
    mark();
    throw new Error('broken');
  }
  @Get('rejected') async rejected(@Mark() mark: () => void): Promise<never> {
    await new Promise((resolve) => setImmediate(resolve));
    mark();
    throw new Error('broken');
  }
  @Get('data') data(@Mark() mark: () => void, @Session() session: Session): string {
    mark();
    session.data['when'] = new Date(0) as never;
    return 'value';
  }
  @Get('observable') observable(@Mark() mark: () => void): Observable<string> {
    mark();
    return concat(
      of('value'),
      throwError(() => new Error('broken')),
    );
  }
  @Get('observable-exception') observableException(@Mark() mark: () => void): Observable<string> {
    mark();
    return concat(
      of('value'),
      throwError(() => new BadRequestException()),
    );
  }
  @Get('iterable') async *iterable(@Mark() mark: () => void): AsyncGenerator<string> {
    mark();
    if (mark !== undefined) throw new Error('broken');
    yield 'never';
  }
  @Get('status') status(@Mark() mark: () => void, @Res({ passthrough: true }) response: PlatformResponse): string {
    mark();
    response.status(503);
    return 'later';
  }
  @Get('res') res(@Mark() mark: () => void, @Res() response: PlatformResponse): void {
    mark();
    rawOf(response).writeHead(500, { 'content-type': 'text/plain' }).end('sorry');
  }
  @Get('bigint') bigint(@Mark() mark: () => void) {
    mark();
    return { n: 1n };
  }
  @Get('pipe') @UseGuards(MarkingGuard) pipe(@Query('n', badPipe) n: number): number {
    return n;
  }
  @Get('broken-pipe') @UseGuards(MarkingGuard) brokenPipe(@Query('n', brokenPipe) n: number): number {
    return n;
  }
  @Get('guard') @UseGuards(MarkingGuard) guard(): string {
    return 'entered';
  }
  @Get('filter') @UseFilters(FlashingFilter) filter(@Query('throw') what: string): never {
    throw what === 'exception' ? new ForbiddenException() : new Error('broken');
  }
  @Get('redirecting-filter') @UseFilters(RedirectingFilter) redirectingFilter(@Mark() mark: () => void): never {
    mark();
    throw new Error('broken');
  }
  @Get('failing-filter') @UseFilters(FailingFilter) failingFilter(): never {
    throw new ForbiddenException();
  }
}

runAnswers(FAILURES, {
  before: [OuterModule],
  imports: [InnerModule],
  controllers: [FailuresController],
  providers: [{ provide: APP_FILTER, useClass: LostFilter }],
});
