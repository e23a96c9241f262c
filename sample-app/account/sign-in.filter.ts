import { type ArgumentsHost, Catch, type ExceptionFilter, Inject, UnauthorizedException } from '@nestjs/common';
import type { Request, Response } from 'express';
import { SessionService } from 'nestjs-mikro-session';

/** Sends whoever must sign in first to do so, and then back to the page they wanted. */
@Catch(UnauthorizedException)
export class SignInFilter implements ExceptionFilter<UnauthorizedException> {
  readonly #sessions: SessionService;

  constructor(@Inject(SessionService) sessions: SessionService) {
    this.#sessions = sessions;
  }

  async catch(_error: UnauthorizedException, host: ArgumentsHost): Promise<void> {
    const http = host.switchToHttp();
    const { method, originalUrl } = http.getRequest<Request>();
    const session = await this.#sessions.of(host);
    session.flash('info', 'Please sign in to go on.');
    const query = method === 'GET' ? `?${new URLSearchParams({ next: originalUrl }).toString()}` : '';
    http.getResponse<Response>().redirect(303, `/login${query}`);
  }
}
