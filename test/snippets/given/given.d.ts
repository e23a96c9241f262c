// What the snippets of the documentation speak of without showing it: what an application has, called by what it is.
import type { ExecutionContext, Logger } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { Request as ExpressRequest, Response as ExpressResponse } from 'express';
import type { AuthSnapshot, Session as OwnSession, SessionService } from 'nestjs-mikro-session';
import type { SessionStore } from 'nestjs-mikro-session/store';
import type { BrowserContext } from 'playwright-core';

declare global {
  const app: NestExpressApplication;
  const logger: Logger;
  const production: boolean;

  const context: ExecutionContext;
  const request: ExpressRequest;
  const response: ExpressResponse;

  const session: OwnSession;
  const sessions: SessionService;
  const id: string;
  const userId: string;
  const data: { theme: string };
  const snapshot: AuthSnapshot;
  const remembered: boolean;
  const user: { readonly id: string; readonly roles: string[] };

  /** What connect-redis used: a client of `redis`. */
  const redis: { get(key: string): Promise<string | null>; del(key: string): Promise<number> };
  const secret: string;
  const browserContext: BrowserContext;
  function openEmptyStore(): Promise<SessionStore>;

  class AppModule {}
  class StaffController {}
  class User {
    id: string;
  }
  class UsersService {
    verify(name: string, password: string): Promise<User | null>;
    find(id: string): Promise<User | null>;
  }
}
