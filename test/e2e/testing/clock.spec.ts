import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, type INestApplication, UseGuards } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  Authorize,
  MemorySessionStore,
  passportSession,
  SessionArgumentError,
  type SessionEvent,
  SessionGuard,
  SessionModule,
  type SessionModuleOptions,
  SessionService,
} from 'nestjs-mikro-session';
import { SessionStore } from 'nestjs-mikro-session/store';
import {
  advanceSessionClock,
  createTestSession,
  expectSignedIn,
  expectSignedOut,
  TestSessionStore,
} from 'nestjs-mikro-session/testing';
import { sign } from 'cookie-signature';
import request from 'supertest';

@Controller()
class SecretsController {
  @Get('me')
  @UseGuards(SessionGuard)
  me() {
    return 'ok';
  }

  @Get('recent')
  @Authorize({ within: '10m' })
  recent() {
    return 'ok';
  }
}

let app: INestApplication | undefined;
afterEach(() => app?.close());

type Setup = SessionModuleOptions & Parameters<typeof SessionModule.forRoot>[0];

/** An application whose sessions are in a store with a clock, as the option says or by an override. */
async function start(options: Setup = {}, isOverridden = false): Promise<INestApplication> {
  const store = isOverridden ? MemorySessionStore : TestSessionStore;
  const builder = Test.createTestingModule({
    imports: [SessionModule.forRoot({ store, ...options })],
    controllers: [SecretsController],
  });
  if (isOverridden) builder.overrideProvider(SessionStore).useClass(TestSessionStore);
  app = (await builder.compile()).createNestApplication({ logger: false });
  await app.init();
  return app;
}

describe('The clock of sessions in a test', () => {
  const KEY = { keys: [Buffer.alloc(32, 7)] };
  it.each<[string, Setup, boolean]>([
    ['of the option "store"', {}, false],
    ['of a provider that was overridden', {}, true],
    ['behind encryption', { encryption: KEY }, false],
    ['behind the cache', { cache: true }, false],
  ])('%s passes the idle timeout without waiting', async (_what, options, isOverridden) => {
    const started = await start({ idleTimeout: '30m', ...options }, isOverridden);
    const { headers, cookie } = await createTestSession(started, { userId: 'ada' });
    advanceSessionClock(started, '29m');
    await request(started.getHttpServer()).get('/me').set(headers).expect(200);
    advanceSessionClock(started, '29m');
    await request(started.getHttpServer()).get('/me').set(headers).expect(200);
    advanceSessionClock(started, '31m');
    await request(started.getHttpServer()).get('/me').set(headers).expect(401);
    await expectSignedOut(started, cookie);
  });

  it('passes the absolute timeout, however often the session is used', async () => {
    const started = await start({ idleTimeout: '30m', absoluteTimeout: '1h' });
    const { headers, cookie } = await createTestSession(started, { userId: 'ada' });
    for (const minute of [20, 40, 59]) {
      advanceSessionClock(started, minute === 59 ? '19m' : '20m');
      await request(started.getHttpServer()).get('/me').set(headers).expect(200);
    }
    await expectSignedIn(started, cookie, 'ada');
    advanceSessionClock(started, '1m');
    await expectSignedOut(started, cookie);
  });

  it('makes a login too long ago', async () => {
    const started = await start();
    const { headers } = await createTestSession(started, { userId: 'ada' });
    const status = async () => (await request(started.getHttpServer()).get('/recent').set(headers)).status;
    expect(await status()).toBe(200);
    advanceSessionClock(started, 601_000);
    expect(await status()).toBe(401);
  });

  it('lets sessions expire that are purged then, which events tell', async () => {
    const started = await start({ idleTimeout: '30m' });
    const { session } = await createTestSession(started, { userId: 'ada' });
    const events: SessionEvent[] = [];
    started.get(SessionService).events.subscribe((event) => events.push(event));
    advanceSessionClock(started, '31m');
    expect(await started.get(SessionService).purgeExpired()).toBe(1);
    expect(events).toEqual([{ type: 'expired', sessionId: session.id, userId: null }]);
  });

  it.each(['tomorrow', '-5m', -1, Number.NaN])('does not take %p', async (by) => {
    const started = await start();
    expect(() => advanceSessionClock(started, by)).toThrow(SessionArgumentError);
  });

  it('is none where sessions are elsewhere, which is said with what to do', async () => {
    const started = await start({ store: MemorySessionStore });
    expect(() => advanceSessionClock(started, '1m')).toThrow(/overrideProvider\(SessionStore\)/);
  });
});

describe('An application that takes over sessions from a table, on sessions of a test', () => {
  const adopt = { secret: 'the old secret of it', table: 'session', toSession: passportSession };

  it.each([
    ['the option "store"', false],
    ['a provider that was overridden', true],
  ])('starts with %s, and finds no old session', async (_how, isOverridden) => {
    const started = await start({ adopt }, isOverridden);
    const { headers, cookie } = await createTestSession(started, { userId: 'ada' });
    await request(started.getHttpServer()).get('/me').set(headers).expect(200);
    const old = `connect.sid=${encodeURIComponent(`s:${sign('ada', adopt.secret)}`)}`;
    await request(started.getHttpServer()).get('/me').set('cookie', old).expect(401);
    const sessions = started.get(SessionService);
    const progress = [];
    for await (const one of sessions.adoptAll()) progress.push(one);
    expect([progress, await sessions.revokeAllForUser('ada')]).toEqual([[{ seen: 0, adopted: 0 }], 1]);
    await expectSignedOut(started, cookie);
  });
});
