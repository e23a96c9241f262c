import type { ServerResponse } from 'node:http';

/** A request as the handlers of both sides see it: with a session, Passport and connect-flash. */
export interface DifferentialRequest {
  session: (Record<string, any> & SessionMethods) | null | undefined;
  readonly sessionID: string;
  readonly user?: { readonly name: string } | null;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  isAuthenticated(): boolean;
  logIn(user: object, options: object, done: Callback): void;
  logOut(options: object, done: Callback): void;
  flash(type?: string, message?: string): unknown;
}

export type Callback = (error?: unknown) => void;

type SessionMethods = Record<'save' | 'reload' | 'regenerate' | 'destroy', (callback?: Callback) => unknown> & {
  touch(): unknown;
  readonly cookie: SessionCookie;
};

export interface SessionCookie {
  maxAge: number;
  readonly originalMaxAge: number;
  readonly expires: Date;
  readonly path: string;
  readonly httpOnly: boolean;
}

/** What a handler answers with, whatever the platform. */
export interface Answering {
  json(status: number, body: unknown): void;
  send(status: number, body: string): void;
  redirect(status: number, url: string): void;
  /** Node's own response. */
  raw(): ServerResponse;
  /** Sets the status of a response that somebody else sends. */
  status(status: number): void;
  next(): void;
}
