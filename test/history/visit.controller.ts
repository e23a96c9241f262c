import {
  type ArgumentsHost,
  Body,
  Catch,
  Controller,
  type ExceptionFilter,
  HttpCode,
  HttpException,
  Inject,
  Post,
  Req,
  UseFilters,
} from '@nestjs/common';
import type { Request, Response } from 'express';
import { Session, SessionService, SkipSession } from 'nestjs-mikro-session';
import type { Trace } from './history.js';
import type { Operation, RevocationRequest } from './operations.js';
import { perform } from './perform.js';

type TracedRequest = Request & { trace?: Trace };

/** Answers with the trace, so that the client learns what was stored before a request failed. */
@Catch()
class TraceFilter implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const { statusCode = 500 } = error as { statusCode?: number };
    const status = error instanceof HttpException ? error.getStatus() : statusCode;
    const { trace = null } = http.getRequest<TracedRequest>();
    const causes: string[] = [];
    for (let one = error; one instanceof Error; one = one.cause) causes.push(String(one));
    http
      .getResponse<Response>()
      .status(status)
      .json({ trace, error: causes.join(' < ') });
  }
}

/** What the clients of a history ask for. */
@Controller()
@UseFilters(TraceFilter)
export class VisitController {
  readonly #sessions: SessionService;

  constructor(@Inject(SessionService) sessions: SessionService) {
    this.#sessions = sessions;
  }

  @Post('visit')
  @HttpCode(200)
  async visit(
    @Session() session: Session,
    @Req() request: TracedRequest,
    @Body() operations: Operation[],
  ): Promise<{ trace: Trace }> {
    const { id, isNew, userId: user } = session;
    const trace: Trace = { id, isNew, user, steps: [], after: null, base: null };
    request.trace = trace;
    await perform(session, operations, trace);
    return { trace };
  }

  @Post('revocation')
  @HttpCode(200)
  @SkipSession()
  async revoke(@Body() asked: RevocationRequest): Promise<{ result: boolean | number }> {
    if (asked.kind === 'revoke') return { result: await this.#sessions.revoke(asked.id) };
    const options = asked.except === null ? {} : { except: asked.except };
    return { result: await this.#sessions.revokeAllForUser(asked.user, options) };
  }
}
