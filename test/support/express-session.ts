import type { ExpressSession, Session } from 'nestjs-mikro-session';
import type { Client, Reply } from './client.js';
import { inHandler, tryVisit } from './probe.js';

/** A request behind `sessionMiddleware()`. */
export interface Requested {
  session: ExpressSession;
}

/** Runs in a handler, with `request.session` at hand: asked for anew each time, as it may be replaced. */
export type Work = (request: Requested, session: Session) => unknown;

export const work = (client: Client, handler: Work, headers?: Record<string, string>): Promise<Reply> =>
  tryVisit(client, (session, request) => handler(request as unknown as Requested, session), headers);

/** The same, for what it returns. */
export async function result<Result>(client: Client, handler: (request: Requested, session: Session) => Result) {
  return inHandler(client, (session, request) => handler(request as unknown as Requested, session));
}

/** Calls a method that takes a callback, and waits for it. */
const called = (method: (callback: (error?: Error) => void) => void) =>
  new Promise<void>((resolve, reject) => method((error) => (error ? reject(error) : resolve())));

export const regenerated = ({ session }: Requested) => called((callback) => session.regenerate(callback));
export const saved = ({ session }: Requested) => called((callback) => session.save(callback));

/** The id in the cookie that a browser holds. */
export const idOf = async (client: Client) => /session_id=([^.]+)/.exec(await client.cookie())?.[1] ?? 'none';
