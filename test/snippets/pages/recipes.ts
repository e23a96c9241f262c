import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, type INestApplication, Post, UseGuards } from '@nestjs/common';
import { Session, SessionGuard } from 'nestjs-mikro-session';
import { startApp, type TestApp, useApp } from '../../support/app.js';
import { createDatabase, type TestDatabase } from '../../support/database.js';
import { visit } from '../../support/probe.js';
import type { Page } from '../run.js';

/** What the page leaves to the reader. */
@Controller()
class StaffController {
  @Post('login') login(@Session() session: Session): Promise<void> {
    return session.login('boss');
  }
  @Get('me') @UseGuards(SessionGuard) me(@Session('userId') userId: string): object {
    return { userId };
  }
}

export async function recipes(page: Page): Promise<void> {
  Object.assign(globalThis, { StaffController });
  const { CacheModule } = await import('@nestjs/cache-manager');
  const { CqrsModule } = await import('@nestjs/cqrs');
  await import('@nestjs/throttler');
  const [limits, swagger, hidden, cached, redirect, cqrs, queue] = await Promise.all(
    [
      'LimitsModule',
      'documentApi(app: ',
      'hideDocs',
      'UserCacheInterceptor',
      'PagesController',
      'PlaceOrder',
      'Worker',
    ].map((text) => page.with(text)),
  );

  describe('The recipe that limits requests by user', () => {
    const fixture = useApp({ before: [limits?.['LimitsModule']] });

    it('counts those of a user, over all sessions', async () => {
      const clients = [fixture.app.client(), fixture.app.client()];
      for (const client of clients) await visit(client, (session) => session.login('ada'));
      const statuses: number[] = [];
      // The two logins were counted by address.
      for (let n = 0; n <= 50; n++) {
        for (const client of clients) statuses.push((await client.get('/probe/none')).status);
      }
      expect(statuses.indexOf(429)).toBe(100);
      const other = fixture.app.client();
      expect((await visit(other, (session) => session.login('grace'))).status).toBe(200);
    });
  });

  describe('The recipe for Swagger', () => {
    const fixture = useApp({
      controllers: [swagger?.['StockController']],
      prepare: (app) => {
        hidden?.['hideDocs'](app);
        swagger?.['documentApi'](app);
      },
    });

    it('documents the cookie, to developers only', async () => {
      const client = fixture.app.client();
      expect((await client.get('/docs')).status).toBe(404);
      expect((await client.get('/docs-json')).status).toBe(404);
      await visit(client, (session) => session.login('ada', { roles: ['developer'] }));
      expect((await client.get('/docs')).text).toContain('swagger');
      const document = (await client.get('/docs-json')).json as {
        components: { securitySchemes: object };
        paths: Record<string, { get: { security: object[] } }>;
      };
      expect(document.components.securitySchemes).toEqual({
        cookie: { type: 'apiKey', in: 'cookie', name: 'session_id' },
      });
      expect(document.paths['/stock']?.get.security).toEqual([{ cookie: [] }]);
      expect((await client.get('/stock')).json).toEqual({ books: 3 });
    });
  });

  describe('The recipe for cached answers', () => {
    const fixture = useApp({ imports: [CacheModule.register()], controllers: [cached?.['OrdersController']] });

    it('shows no user what another one was shown', async () => {
      const [ada, grace, stranger] = [fixture.app.client(), fixture.app.client(), fixture.app.client()];
      await visit(ada, (session) => session.login('ada'));
      await visit(grace, (session) => session.login('grace'));
      const first = (await ada.get('/orders')).json;
      expect(first).toMatchObject({ of: 'ada' });
      expect((await ada.get('/orders')).json).toEqual(first);
      expect((await grace.get('/orders')).json).toMatchObject({ of: 'grace' });
      expect((await stranger.get('/orders')).json).toMatchObject({ of: null });
    });
  });

  describe('The recipe that redirects to the login', () => {
    const fixture = useApp({ controllers: [redirect?.['PagesController']] });

    it('leads there, and back', async () => {
      const client = fixture.app.client();
      const turned = await client.get('/account?tab=2');
      expect([turned.status, turned.headers.get('location')]).toEqual([303, '/login']);
      const back = await client.post('/login');
      expect([back.status, back.headers.get('location')]).toEqual([303, '/account?tab=2']);
      expect((await client.get('/account?tab=2')).text).toBe('The account of ada');
      expect((await client.post('/login')).headers.get('location')).toBe('/');
    });
  });

  describe('The recipe for CQRS', () => {
    const fixture = useApp({
      imports: [CqrsModule.forRoot()],
      controllers: [cqrs?.['CheckoutController']],
      providers: [cqrs?.['PlaceOrderHandler']],
    });

    it('tells the handler what it needs to know', async () => {
      const client = fixture.app.client();
      await visit(client, (session) => session.set('basket', ['tea', 'cup']).login('ada'));
      expect((await client.post('/checkout')).json).toEqual({ for: 'ada', items: 2 });
      expect((await fixture.row())['data']).toEqual({});
    });
  });

  describe('The recipe for queues', () => {
    const fixture = useApp({ providers: [queue?.['ReportWorker']] });

    it('leaves the visitor a message, and does nothing for one who has left', async () => {
      const worker = fixture.app.app.get<{ process(job: object): Promise<boolean> }>(queue?.['ReportWorker']);
      const { session } = await fixture.app.sessions.create({ userId: 'ada' });
      const job = { data: { sessionId: session.id } };
      expect(await worker.process(job)).toBe(true);
      expect((await fixture.app.sessions.find(session.id))?.flashes('info')).toHaveLength(1);
      await fixture.app.sessions.revoke(session.id);
      expect(await worker.process(job)).toBe(false);
    });
  });

  describe('The recipe for two registrations', () => {
    let database: TestDatabase;
    let staff: INestApplication;
    let app: TestApp;
    beforeAll(async () => {
      database = await createDatabase();
      process.env['DATABASE_URL'] = database.url;
      const { mountStaff } = await page.with('mountStaff');
      app = await startApp(database, {
        prepare: async (outer) => {
          staff = (await mountStaff(outer)) as INestApplication;
        },
      });
    });
    afterAll(async () => {
      delete process.env['DATABASE_URL'];
      await app.close();
      await staff.close();
      await database.drop();
    });

    it('keeps users, cookies and tables of their own', async () => {
      const client = app.client();
      await visit(client, (session) => session.login('ada'));
      expect((await client.get('/staff/me')).status).toBe(401);
      const login = await client.post('/staff/login');
      expect(login.setCookies).toEqual([expect.stringMatching(/^staff=.*Path=\/staff/)]);
      expect((await client.get('/staff/me')).json).toEqual({ userId: 'boss' });
      const users = async (table: string) =>
        (await database.query(`select user_id from ${table}`)).map((row) => row['user_id']);
      expect([await users('sessions'), await users('staff_sessions')]).toEqual([['ada'], ['boss']]);
    });
  });
}
