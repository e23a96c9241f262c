import type { ServerResponse } from 'node:http';
import type { Answering } from './request.js';

/** As much of Fastify’s reply as is used. */
export interface FastifyReply {
  readonly raw: ServerResponse;
  status(code: number): FastifyReply;
  type(type: string): FastifyReply;
  send(body: unknown): unknown;
  redirect(url: string, code: number): unknown;
  hijack(): unknown;
}

/** How a handler answers on Fastify. */
export function fastifyAnswering(reply: FastifyReply): Answering {
  return {
    json: (status, body) => void reply.status(status).type('application/json').send(JSON.stringify(body)),
    send: (status, body) => void reply.status(status).type('text/html').send(body),
    redirect: (status, url) => void reply.redirect(url, status),
    raw: () => {
      reply.hijack();
      return reply.raw;
    },
    status: (status) => void reply.status(status),
    next: () => {
      throw new Error('There is no next handler on Fastify.');
    },
  };
}
