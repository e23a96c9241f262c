import { beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Global, Injectable, Module, type OnApplicationShutdown, Post } from '@nestjs/common';
import { Session, SessionModule } from 'nestjs-mikro-session';
import { redisSessionStore } from 'nestjs-mikro-session/redis';
import { MemorySessionStore } from 'nestjs-mikro-session/store';
import { startApp, type TestApp } from '../support/app.js';
import { describeWithRedis } from '../support/describe-with-redis.js';
import { overHttp1 } from '../support/exchange.js';
import { PLATFORMS } from '../support/platform.js';
import { inHandler, visit } from '../support/probe.js';
import { startRedis } from '../support/redis-server.js';

let arrived = Promise.withResolvers<void>();
let leave = Promise.withResolvers<void>();
/** What happens, in order. */
let log: string[] = [];
beforeEach(() => {
  arrived = Promise.withResolvers();
  leave = Promise.withResolvers();
  log = [];
});

@Controller()
class SlowController {
  @Post('slow')
  async slow(@Session() session: Session): Promise<unknown> {
    arrived.resolve();
    await leave.promise;
    const { n } = session.data as { n?: number };
    session.set('n' as never, ((n ?? 0) + 1) as never);
    return { n: session.get('n' as never) };
  }

  @Post('slow-look')
  async look(@Session() session: Session): Promise<unknown> {
    arrived.resolve();
    await leave.promise;
    return { n: session.get('n' as never) };
  }
}

/** Closes an application while it answers a request. @returns the answer */
async function answerWhileClosing(
  app: TestApp,
  path: string,
  cookie: string,
): Promise<{ status: number; body: string }> {
  // A connection that the client keeps alive is one that Fastify waits for.
  const { answer } = overHttp1(app.url, { method: 'POST', path, headers: { connection: 'close', cookie } });
  await arrived.promise;
  const closing = app.close();
  // All that is done before the server waits for its requests is done.
  for (let turns = 0; turns < 100; turns++) await new Promise(setImmediate);
  leave.resolve();
  const { status, body } = await answer;
  await closing;
  return { status, body: String(body) };
}

/** Collects accesses, and refuses all once it is closed. */
@Injectable()
class ClosingStore extends MemorySessionStore {
  #collected = 0;
  #isClosed = false;

  override async find(...args: Parameters<MemorySessionStore['find']>): ReturnType<MemorySessionStore['find']> {
    this.#assertOpen();
    return super.find(...args);
  }

  override async commit(...args: Parameters<MemorySessionStore['commit']>): ReturnType<MemorySessionStore['commit']> {
    this.#assertOpen();
    return super.commit(...args);
  }

  override renew(...args: Parameters<MemorySessionStore['renew']>): void {
    this.#assertOpen();
    this.#collected++;
    super.renew(...args);
  }

  override async flush(): Promise<void> {
    this.#assertOpen();
    if (this.#collected > 0) log.push('renewals are written');
    this.#collected = 0;
  }

  override async close(): Promise<void> {
    this.#isClosed = true;
    await super.close();
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new Error('the store is closed');
  }
}

/** Ends before the store is closed, as the pool of an application may. */
@Injectable()
class Pool implements OnApplicationShutdown {
  onApplicationShutdown(): void {
    log.push('the pool is closed');
  }
}
@Global()
@Module({ providers: [Pool] })
class PoolModule {}

describe.each(PLATFORMS)('An application with a store of its own that is closed on %s', (platform) => {
  const start = async (): Promise<{ app: TestApp; cookie: string }> => {
    const session = SessionModule.forRoot({ store: ClosingStore, ensureSchema: false });
    const app = await startApp(null, { platform, session, imports: [PoolModule], controllers: [SlowController] });
    const client = app.client();
    await visit(client, (of) => of.set('n' as never, 1 as never));
    return { app, cookie: await client.cookie() };
  };

  it('closes the store once no request is under way any more', async () => {
    const { app, cookie } = await start();
    expect(await answerWhileClosing(app, '/slow', cookie)).toEqual({ status: 201, body: '{"n":2}' });
  });

  it('has the renewals of these requests written before its pool may end', async () => {
    const { app, cookie } = await start();
    expect((await answerWhileClosing(app, '/slow-look', cookie)).status).toBe(201);
    expect(log).toEqual(['renewals are written', 'the pool is closed']);
  });
});

describeWithRedis('An application with sessions in Redis that is closed', () => {
  it.each(PLATFORMS)('stores the sessions of requests that are under way, on %s', async (platform) => {
    const redis = await startRedis();
    const start = (): Promise<TestApp> => {
      const session = SessionModule.forRoot({ store: redisSessionStore({ nodes: [redis.url] }) });
      return startApp(null, { platform, session, controllers: [SlowController] });
    };
    const app = await start();
    const client = app.client();
    await visit(client, (session) => session.set('n' as never, 1 as never));
    const cookie = await client.cookie();
    expect(await answerWhileClosing(app, '/slow', cookie)).toEqual({ status: 201, body: '{"n":2}' });
    const next = await start();
    expect(await inHandler(next.client(), (session) => session.toJSON(), { cookie })).toEqual({ n: 2 });
    await next.close();
    await redis.stop();
  });
});
