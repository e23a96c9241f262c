import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe } from '@jest/globals';
import type { ModuleMetadata, Type } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Test } from '@nestjs/testing';
import type { RequestHandler } from 'express';
import expressSession from 'express-session';
import { type SessionModuleOptions, sessionMiddleware } from 'nestjs-mikro-session';
import { Client } from './client.js';
import { type TestApp, useApp } from './app.js';
import { whileTesting } from './while-testing.js';

/** An application as it is written for express-session. */
export interface Written {
  readonly controllers?: Type[];
  readonly providers?: ModuleMetadata['providers'];
  readonly options?: Pick<SessionModuleOptions, 'saveUninitialized'>;
  /** Mounts what comes after the session, whose middleware is given as well. */
  readonly mount?: (app: NestExpressApplication, session: RequestHandler) => unknown;
}

/** An application that listens, with either session. */
export type Running = Pick<TestApp, 'app' | 'url' | 'client'>;

/** What the tests work with. */
export interface Both {
  readonly app: Running;
  /** How many sessions are stored, where that is in a table. */
  rows?(): Promise<number>;
}

/** Whose session an application has. */
export type Sessions = 'nestjs-mikro-session' | 'express-session';

/**
 * Runs the same tests on the same application twice: with the session of this library, and with express-session and its
 * MemoryStore, which says what is right.
 */
export function describeOnBoth(
  name: string,
  written: Written,
  tests: (fixture: Both, sessions: Sessions) => void,
): void {
  describe(`${name}, on the session of this library`, () => {
    tests(
      useApp({
        ...written,
        prepare: (app: NestExpressApplication) => mountAll(app, sessionMiddleware(app) as RequestHandler, written),
      }),
      'nestjs-mikro-session',
    );
  });
  describe(`${name}, on express-session`, () => {
    tests(useExpressSession(written), 'express-session');
  });
}

async function mountAll(app: NestExpressApplication, session: RequestHandler, { mount }: Written): Promise<void> {
  app.use(session);
  // Before what is mounted, which may want to read forms.
  app.useBodyParser('urlencoded', { extended: false });
  app.useBodyParser('json');
  await mount?.(app, session);
}

function useExpressSession(written: Written): Both {
  const { controllers = [], providers = [], options: { saveUninitialized = false } = {} } = written;
  let running: Running | undefined;
  beforeAll(async () => {
    const module = await Test.createTestingModule({ controllers, providers }).compile();
    const app = module.createNestApplication<NestExpressApplication>({ logger: false });
    const secret = randomBytes(16).toString('hex');
    await mountAll(app, expressSession({ secret, saveUninitialized, resave: false }), written);
    await app.listen(0, '127.0.0.1');
    const url = `http://127.0.0.1:${(app.getHttpServer().address() as { port: number }).port}`;
    running = { app, url, client: () => new Client(url) };
  });
  afterAll(() => running?.app.close());
  return {
    get app() {
      return whileTesting(running);
    },
  };
}
