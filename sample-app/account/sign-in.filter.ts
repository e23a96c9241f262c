import { type ArgumentsHost, Catch, type ExceptionFilter, Inject, UnauthorizedException } from '@nestjs/common';
import type { Request, Response } from 'express';
import { SessionService } from 'nestjs-mikro-session';
import { pageBefore } from './local-path.js';

/** Sends a visitor who must sign in first, or again, to do so, and then back to the page they wanted. */
@Catch(UnauthorizedException)
export class SignInFilter implements ExceptionFilter<UnauthorizedException> {
  readonly #sessions: SessionService;

  constructor(@Inject(SessionService) sessions: SessionService) {
    this.#sessions = sessions;
  }

  async catch(error: UnauthorizedException, host: ArgumentsHost): Promise<void> {
    const http = host.switchToHttp();
    const request = http.getRequest<Request>();
    const response = http.getResponse<Response>();
    // Scripts, and streams of events, would not know what to do with a form.
    if (!request.accepts('html')) {
      response.status(401).json(error.getResponse());
      return;
    }
    const session = await this.#sessions.of(host);
    session.flash('info', session.isAuthenticated ? 'Please sign in again to go on.' : 'Please sign in to go on.');
    const next = request.method === 'GET' ? request.originalUrl : pageBefore(request);
    response.redirect(303, next === null ? '/login' : `/login?${new URLSearchParams({ next }).toString()}`);
  }
}
