import { Controller, Get, Inject } from '@nestjs/common';
import { HealthCheck, HealthCheckService, TerminusModule } from '@nestjs/terminus';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  MemorySessionStore,
  Public,
  SessionArgumentError,
  SessionHealthIndicator,
  SessionModule,
  type SessionModuleOptions,
  SkipSession,
} from 'nestjs-mikro-session';
import { startApp, type TestApp } from '../support/app.js';
import { createDatabase, type TestDatabase } from '../support/database.js';
import { endFeeds } from '../support/feed.js';
import { tryVisit, visit } from '../support/probe.js';
import type { DatabaseProxy } from '../support/database-proxy.js';
import { startSilentServer } from '../support/silent-server.js';

@Controller()
class HealthController {
  constructor(
    @Inject(HealthCheckService) private readonly health: HealthCheckService,
    @Inject(SessionHealthIndicator) private readonly sessions: SessionHealthIndicator,
  ) {}

  @Get('health')
  @Public()
  @SkipSession()
  @HealthCheck()
  check() {
    return this.health.check([() => this.sessions.isHealthy()]);
  }

  @Get('health/before-terminus-12')
  @Public()
  @SkipSession()
  @HealthCheck()
  checkBefore() {
    return this.health.check([() => this.sessions.isHealthy('store', { degradedAs: 'up', timeout: '5s' })]);
  }
}

describe('SessionHealthIndicator, asked by Terminus', () => {
  const cleanUps: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
  });

  async function start(
    options: SessionModuleOptions,
    url: (database: TestDatabase) => Promise<string> = async (database) => database.url,
  ): Promise<{ app: TestApp; database: TestDatabase }> {
    const database = await createDatabase();
    cleanUps.push(() => database.drop());
    const app = await startApp(
      { url: await url(database) },
      {
        imports: [TerminusModule.forRoot({ logger: false })],
        controllers: [HealthController],
        options: { sweep: false, ...options },
      },
    );
    cleanUps.push(() => app.close());
    return { app, database };
  }

  const check = async (app: TestApp, path = '/health') => {
    const { status, json } = await app.client().get(path);
    return { status, body: json as { status: string; details: Record<string, Record<string, unknown>> } };
  };

  it('is up while the store answers', async () => {
    const { app } = await start({});
    expect(await check(app)).toEqual({
      status: 200,
      body: {
        status: 'ok',
        info: { sessions: { status: 'up', responseTime: expect.any(Number) } },
        error: {},
        details: { sessions: { status: 'up', responseTime: expect.any(Number) } },
      },
    });
  });

  it('is down, and answers in time, while the database is silent', async () => {
    let silent: DatabaseProxy | undefined;
    const { app } = await start({ queryTimeout: 200 }, async ({ url }) => {
      silent = await startSilentServer(url, 'silence, please');
      return silent.url;
    });
    expect((await check(app)).status).toBe(200);
    await tryVisit(app.client(), (session) => session.set('text', 'silence, please'));
    const since = performance.now();
    const { status, body } = await check(app);
    expect(performance.now() - since).toBeLessThan(5_000);
    expect(status).toBe(503);
    expect(body).toMatchObject({
      status: 'error',
      error: { sessions: { status: 'down', reasons: [expect.stringContaining('The session store')] } },
    });
    // MikroORM's pool would wait for its answers.
    await silent?.close();
  });

  it('is up again once the database answers again', async () => {
    const { app, database } = await start({ queryTimeout: 500 });
    const table = await database.hold('lock table sessions in access exclusive mode');
    expect((await check(app)).body.details).toMatchObject({ sessions: { status: 'down' } });
    await table.release();
    expect((await check(app)).body.details).toMatchObject({ sessions: { status: 'up' } });
  });

  it('is degraded, and no reason to take the process out of service, while renewals wait too long', async () => {
    const { app, database } = await start({ queryTimeout: 100, renewal: { flushEvery: 20 } });
    const client = app.client();
    await visit(client, (session) => session.set('n', 1));
    const row = await database.hold('select from sessions for update');
    await visit(client, () => {});
    let answer = await check(app);
    while (answer.body.status === 'ok') answer = await check(app);
    expect(answer).toMatchObject({ status: 200, body: { status: 'degraded' } });
    const { status, reasons } = answer.body.details['sessions'] as { status: string; reasons: string[] };
    expect(status).toBe('degraded');
    expect(reasons).toEqual([expect.stringMatching(/^Renewals wait to be written, the oldest for \d{3,} ms\.$/)]);
    expect(await check(app, '/health/before-terminus-12')).toMatchObject({
      status: 200,
      body: { status: 'ok', info: { store: { status: 'up', reasons: [expect.stringContaining('Renewals wait')] } } },
    });
    await row.release();
    while (answer.body.status !== 'ok') answer = await check(app);
    expect(answer.body.details['sessions']).not.toHaveProperty('reasons');
  });

  it('is degraded while the feed of the cache is lost', async () => {
    const { app, database } = await start({ cache: true });
    while (app.sessions.stats().feed?.connected !== true) await new Promise(setImmediate);
    expect((await check(app)).body.status).toBe('ok');
    // It can neither stay nor come back.
    await database.query('update pg_database set datallowconn = false where datname = current_database()');
    await endFeeds(database);
    while (app.sessions.stats().feed?.connected !== false) await new Promise(setImmediate);
    expect((await check(app)).body).toMatchObject({
      status: 'degraded',
      details: { sessions: { status: 'degraded', reasons: [expect.stringContaining('The cache does not hear')] } },
    });
  });

  it('is down where another store does not answer within the time that is given', async () => {
    const app = await startApp(null, { session: SessionModule.forRoot({ store: MemorySessionStore }) });
    cleanUps.push(() => app.close());
    const store = new (class extends MemorySessionStore {
      override find(): Promise<never> {
        return new Promise(() => {});
      }
    })({ maxDataBytes: 1 });
    const other = await startApp(null, { session: SessionModule.forRoot({ store: { useValue: store } }) });
    cleanUps.push(() => other.close());
    expect(await app.app.get(SessionHealthIndicator).isHealthy()).toMatchObject({ sessions: { status: 'up' } });
    expect(await other.app.get(SessionHealthIndicator).isHealthy('store', { timeout: 10 })).toMatchObject({
      store: { status: 'down', reasons: ['The session store did not answer within 10 ms.'] },
    });
    const wrong = { timeout: 'soon' as '1s' };
    await expect(app.app.get(SessionHealthIndicator).isHealthy('store', wrong)).rejects.toThrow(SessionArgumentError);
  });
});
