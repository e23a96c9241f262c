import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Inject, Logger } from '@nestjs/common';
import type { Response } from 'express';
import { type Session, SessionOriginError, SessionService } from 'nestjs-mikro-session';
import { nameOf, type Visitor, visitorOf } from './visitor.js';

const logger = new Logger('Shop');

/** Answers every error with a page that has the visitor's menu, unless the session cannot be had. */
@Catch()
export class ErrorPageFilter implements ExceptionFilter {
  readonly #sessions: SessionService;

  constructor(@Inject(SessionService) sessions: SessionService) {
    this.#sessions = sessions;
  }

  async catch(error: unknown, host: ArgumentsHost): Promise<void> {
    const status = statusOf(error);
    // The library has logged it where the database does not answer.
    if (status === 500) logger.error(error instanceof Error ? error.stack : error);
    // After a 503, another look-up would make the visitor wait for the database again.
    const session = status === 503 ? null : await this.#sessions.of(host).catch(() => null);
    const { title, text } = explanation(status, error, session);
    // Messages wait for the next page.
    const model = { title, text, status, path: '/', visitor: menuOf(session), messages: [] };
    host.switchToHttp().getResponse<Response>().status(status).render('error', model);
  }
}

function menuOf(session: Session | null): Visitor | null {
  try {
    return session && visitorOf(session);
  } catch {
    // The menu cannot be shown of what is in the session; that may be the error to report.
    return null;
  }
}

/** Also of errors of Express, such as those about the body of a request. */
function statusOf(error: unknown): number {
  if (error instanceof HttpException) return error.getStatus();
  const { status } = (error ?? {}) as { readonly status?: unknown };
  return typeof status === 'number' && status >= 400 && status < 600 ? status : 500;
}

function explanation(status: number, error: unknown, session: Session | null): { title: string; text: string } {
  if (status === 404) return { title: 'There is no such page', text: 'It may have moved, or never been here.' };
  if (error instanceof HttpException && error.cause instanceof SessionOriginError) {
    return { title: 'This came from another site', text: 'Nothing was changed. Please use the forms of the shop.' };
  }
  if (status === 403 && session !== null) {
    return {
      title: 'This page is not for you',
      text: `You are signed in as ${nameOf(session)}, who may not see this page.`,
    };
  }
  if (status === 503) return { title: 'The shop is busy', text: 'Nothing was lost. Please try again in a moment.' };
  const title = 'That did not work';
  if (status >= 500 || !(error instanceof Error)) return { title, text: 'The fault is ours, and it is in our log.' };
  return { title, text: error.message };
}
