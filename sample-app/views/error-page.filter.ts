import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common';
import type { Response } from 'express';
import { html } from './html.js';
import { page } from './page.js';

@Catch(HttpException)
export class ErrorPageFilter implements ExceptionFilter<HttpException> {
  catch(error: HttpException, host: ArgumentsHost): void {
    const status = error.getStatus();
    const content = html`<section class="panel narrow">
      <h1>${status === 404 ? 'There is no such page' : 'That did not work'}</h1>
      <p>${status === 404 ? 'It may have moved, or never been here.' : error.message}</p>
      <p><a class="button" href="/">To the shop</a></p>
    </section>`;
    const response = host.switchToHttp().getResponse<Response>();
    response
      .status(status)
      .type('html')
      .send(page(`Error ${status}`, null, content));
  }
}
