import { afterAll, beforeAll } from '@jest/globals';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Test } from '@nestjs/testing';
import { SessionStore } from 'nestjs-mikro-session/store';
import { createTestSession, type TestSession, TestSessionStore } from 'nestjs-mikro-session/testing';
import request from 'supertest';
import { AppModule } from '../app.module.js';
import { setUp } from '../app.setup.js';

const ADA = { userId: 'ada', auth: { name: 'Ada Lovelace', roles: ['customer', 'staff'] } };
const GRACE = { userId: 'grace', auth: { name: 'Grace Hopper', roles: ['customer'] } };

/** Nothing connects to it: the sessions are in memory, and the shop has nothing else in its database. */
const NO_DATABASE = 'postgresql://127.0.0.1:1/none';

type Form = Readonly<Record<string, string>>;

/** The shop, for the tests of a file, as docs/testing.md says: with sessions in memory, on a clock that tests move. */
export function useShopApp() {
  let app: NestExpressApplication;

  beforeAll(async () => {
    const testing = await Test.createTestingModule({ imports: [await AppModule.forDatabase(NO_DATABASE)] })
      .overrideProvider(SessionStore)
      .useClass(TestSessionStore)
      .compile();
    app = testing.createNestApplication<NestExpressApplication>({ logger: false });
    setUp(app);
    await app.init();
  });
  afterAll(() => app.close());

  return {
    get app() {
      return app;
    },
    /** A request without a session. */
    request: () => request(app.getHttpServer()),
    get: (path: string, { headers }: Pick<TestSession, 'headers'>) =>
      request(app.getHttpServer()).get(path).set(headers),
    post: (path: string, { headers }: Pick<TestSession, 'headers'>, form: Form = {}) =>
      request(app.getHttpServer()).post(path).set(headers).type('form').send(form),
    /** A session of a user who works in the shop. */
    ada: (data = {}) => createTestSession(app, { ...ADA, data }),
    /** A session of a customer. */
    grace: (data = {}) => createTestSession(app, { ...GRACE, data }),
  };
}
