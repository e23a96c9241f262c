import { All, Controller, Param, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { Session } from 'nestjs-mikro-session';
import type { Client, Reply } from './client.js';
import { Handlers } from './handlers.js';

/** What a visit does in the handler. */
export type Visit = (session: Session, request: Request, response: Response) => unknown;

const visits = new Handlers<Visit>();

/** Runs, inside a real handler of a real request, the function that a test gives to {@link visit}. */
@Controller('probe')
export class ProbeController {
  @All(':visit')
  run(
    @Param('visit') name: string,
    @Session() session: Session,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): unknown {
    return visits.get(name)(session, request, response);
  }
}

/**
 * Visits the application over HTTP and runs a function there, as the handler of the request. Fails if the store was not
 * available: on a busy machine that says nothing about what the test is about.
 */
export async function visit(client: Client, handler: Visit, headers?: Record<string, string>): Promise<Reply> {
  const reply = await tryVisit(client, handler, headers);
  if (reply.status === 503) throw new Error(`The visit was answered 503: ${reply.text}`);
  return reply;
}

/** The same. Fails unless the answer is a success, so that the handler may expect something. */
export async function answered(client: Client, handler: Visit, headers?: Record<string, string>): Promise<Reply> {
  const reply = await visit(client, handler, headers);
  if (reply.status >= 300) throw new Error(`The visit was answered ${reply.status}: ${reply.text}`);
  return reply;
}

/** The same, whatever the answer is. */
export async function tryVisit(client: Client, handler: Visit, headers?: Record<string, string>): Promise<Reply> {
  const name = visits.add(handler);
  try {
    return await client.post(`/probe/${name}`, undefined, headers);
  } finally {
    visits.delete(name);
  }
}

/** The same, for the value that the handler returns. Fails unless the answer is a success. */
export async function inHandler<Result>(
  client: Client,
  handler: (session: Session, request: Request, response: Response) => Result | Promise<Result>,
  headers?: Record<string, string>,
): Promise<Result> {
  let result: { readonly value: Result } | undefined;
  const reply = await visit(
    client,
    async (...args) => {
      result = { value: await handler(...args) };
    },
    headers,
  );
  if (result === undefined || reply.status >= 300)
    throw new Error(`The visit was answered ${reply.status}: ${reply.text}`);
  return result.value;
}

/** A promise that the test settles: to hold a handler at a point, or to learn that it has reached one. */
export interface Signal {
  readonly reached: Promise<void>;
  reach(): void;
}

export function signal(): Signal {
  let reach = (): void => {};
  const reached = new Promise<void>((resolve) => (reach = resolve));
  return { reached, reach };
}
