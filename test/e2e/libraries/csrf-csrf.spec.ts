import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Post, Req, Res } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import cookieParser from 'cookie-parser';
import { doubleCsrf } from 'csrf-csrf';
import type { Request, Response } from 'express';
import { Session, SessionModule, sessionMiddleware } from 'nestjs-mikro-session';
import { redisSessionStore } from 'nestjs-mikro-session/redis';
import { describeOnBoth } from '../../support/both-sessions.js';
import type { Client } from '../../support/client.js';
import { startApp, type TestApp, useApp } from '../../support/app.js';
import { describeWithRedis } from '../../support/describe-with-redis.js';
import { type RedisServer, startRedis } from '../../support/redis-server.js';

const { doubleCsrfProtection } = doubleCsrf({
  getSecret: () => 'a secret of the test',
  getSessionIdentifier: (request) => request.session.id,
  cookieName: 'csrf',
  cookieOptions: { secure: false },
});

@Controller()
class FormController {
  @Get('form') form(@Req() request: Request, @Res() response: Response): void {
    // What makes the session last until the form is sent.
    Object.assign(request.session, { form: true });
    response.json(request.csrfToken?.());
  }

  @Post('send') send(@Res() response: Response): void {
    response.json('sent');
  }

  @Post('sign-in') signIn(@Req() request: Request, @Res() response: Response): void {
    request.session.regenerate(() => {
      Object.assign(request.session, { user: 'ada' });
      request.session.save(() => response.json('signed in'));
    });
  }

  @Get('user') user(@Req() request: Request, @Res() response: Response): void {
    response.json((request.session as { user?: string }).user ?? null);
  }
}

/** Signs in by this library's own session. */
@Controller()
class LoginController {
  @Post('login') login(@Session() session: Session): Promise<void> {
    return session.login('ada');
  }
}

function mount(app: NestExpressApplication): void {
  app.use(cookieParser());
  app.use(doubleCsrfProtection);
}

const formOf = async (client: Client) => (await client.get('/form')).json as string;
const send = async (client: Client, token: string, path = '/send') =>
  (await client.post(path, undefined, { 'x-csrf-token': token })).status;

describeOnBoth('csrf-csrf', { controllers: [FormController], mount }, (fixture) => {
  it('takes the token that it gave, as often as it comes', async () => {
    const client = fixture.app.client();
    const token = await formOf(client);
    expect(await send(client, token)).toBe(201);
    expect(await send(client, token)).toBe(201);
    expect(await formOf(client)).toBe(token);
  });

  it('refuses a wrong one, none, and one without its cookie', async () => {
    const client = fixture.app.client();
    const token = await formOf(client);
    expect(await send(client, `${token}0`)).toBe(403);
    expect((await client.post('/send')).status).toBe(403);
    expect(await send(fixture.app.client(), token)).toBe(403);
  });

  it('refuses one of another session, cookie and all', async () => {
    const token = await formOf(fixture.app.client());
    const victim = fixture.app.client();
    await formOf(victim);
    await victim.jar.setCookie(`csrf=${token}`, fixture.app.url);
    expect(await send(victim, token)).toBe(403);
  });

  it('refuses one from before the session was regenerated, and takes the next', async () => {
    const client = fixture.app.client();
    const token = await formOf(client);
    expect(await send(client, token, '/sign-in')).toBe(201);
    expect((await client.get('/user')).json).toBe('ada');
    expect(await send(client, token)).toBe(403);
    expect(await send(client, await formOf(client))).toBe(201);
  });
});

const controllers = [FormController, LoginController];
const prepare = (app: NestExpressApplication) => {
  app.use(sessionMiddleware(app));
  mount(app);
};

describe('csrf-csrf, with the login of this library', () => {
  const fixture = useApp({ controllers, prepare });
  testLogin(() => fixture.app);
});

describeWithRedis('csrf-csrf, with the login of this library, and sessions in Redis', () => {
  let redis: RedisServer;
  let app: TestApp;
  beforeAll(async () => {
    redis = await startRedis({ 'maxmemory-policy': 'noeviction' });
    const store = redisSessionStore({ nodes: [redis.url] });
    app = await startApp(null, { controllers, prepare, session: SessionModule.forRoot({ store }) });
  });
  afterAll(async () => {
    await app.close();
    await redis.stop();
  });
  testLogin(() => app);
});

function testLogin(app: () => TestApp): void {
  it("takes the token of a visitor's first page", async () => {
    const client = app().client();
    const token = await formOf(client);
    expect(await send(client, token)).toBe(201);
    expect(await formOf(client)).toBe(token);
  });

  it('refuses a token from before the login, and takes the next', async () => {
    const client = app().client();
    const token = await formOf(client);
    expect(await send(client, token, '/login')).toBe(201);
    expect(await send(client, token)).toBe(403);
    expect(await send(client, await formOf(client))).toBe(201);
  });
}
