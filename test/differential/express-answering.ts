import type { NextFunction, Response } from 'express';
import type { Answering } from './request.js';

/** How a handler answers on Express. */
export function expressAnswering(response: Response, next: NextFunction): Answering {
  return {
    json: (status, body) => void response.status(status).json(body),
    send: (status, body) => void response.status(status).type('html').send(body),
    redirect: (status, url) => response.redirect(status, url),
    raw: () => response,
    status: (status) => void response.status(status),
    next: () => next(),
  };
}
