import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Post, Req, Res } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { NextFunction, Request, Response } from 'express';
import lusca from 'lusca';
import { Session, sessionMiddleware } from 'nestjs-mikro-session';
import { useApp } from '../../support/app.js';
import { describeOnBoth } from '../../support/both-sessions.js';
import { Client } from '../../support/client.js';

@Controller()
class FormController {
  @Get('form') form(@Res() response: Response): void {
    response.json(response.locals['_csrf']);
  }

  @Post('send') send(@Req() request: Request, @Res() response: Response): void {
    Object.assign(request.session, { sent: true });
    request.session.save(() => response.json('sent'));
  }

  @Post('login') login(@Req() request: Request, @Res() response: Response): void {
    request.session.regenerate(() => {
      Object.assign(request.session, { user: 'ada' });
      request.session.save(() => response.json('signed in'));
    });
  }

  @Get('user') user(@Req() request: Request, @Res() response: Response): void {
    response.json((request.session as { user?: string }).user ?? null);
  }
}

describeOnBoth(
  'lusca',
  {
    controllers: [FormController],
    mount: (app) => {
      app.use(lusca({ csrf: true, xframe: 'SAMEORIGIN', nosniff: true }));
      app.use((error: Error, _request: Request, response: Response, _next: NextFunction) =>
        response.json(error.message),
      );
    },
  },
  (fixture) => {
    const form = async (client: Client) => (await client.get('/form')).json as string;
    const send = async (client: Client, token?: string, path = '/send') => {
      const { status, json } = await client.post(path, token === undefined ? {} : { _csrf: token });
      return [status, json];
    };
    const mismatch = [403, 'CSRF token mismatch'];

    it('takes the token that it gave, as often as it comes, in the form or as a header', async () => {
      const client = fixture.app.client();
      const token = await form(client);
      expect([await send(client, token), await send(client, token)]).toEqual([
        [201, 'sent'],
        [201, 'sent'],
      ]);
      expect((await client.post('/send', {}, { 'x-csrf-token': token })).status).toBe(201);
      expect(await send(client, await form(client))).toEqual([201, 'sent']);
    });

    it('refuses none, a wrong one and one of another session', async () => {
      const client = fixture.app.client();
      const token = await form(client);
      expect(await send(client)).toEqual([403, 'CSRF token missing']);
      expect(await send(client, `${token}0`)).toEqual(mismatch);
      expect(await send(client, await form(fixture.app.client()))).toEqual(mismatch);
      expect(await send(fixture.app.client(), token)).toEqual(mismatch);
    });

    it('refuses one from before the login', async () => {
      const client = fixture.app.client();
      const token = await form(client);
      expect(await send(client, token, '/login')).toEqual([201, 'signed in']);
      expect((await client.get('/user')).json).toBe('ada');
      expect(await send(client, token)).toEqual(mismatch);
      expect(await send(client, await form(client))).toEqual([201, 'sent']);
    });

    it('sets its headers beside the cookie', async () => {
      const { headers, setCookies } = await fixture.app.client().get('/form');
      expect([headers.get('x-frame-options'), headers.get('x-content-type-options')]).toEqual([
        'SAMEORIGIN',
        'nosniff',
      ]);
      expect(setCookies).toHaveLength(1);
    });
  },
);

@Controller()
class SignInController {
  @Get('form') form(@Res() response: Response): void {
    response.json(response.locals['_csrf']);
  }
  @Post('login') async login(@Session() session: Session): Promise<string> {
    session.delete('_csrfSecret');
    await session.login('ada');
    return 'signed in';
  }
  @Post('send') send(@Session('userId') userId: string | null): string {
    return `sent by ${userId}`;
  }
}

describe('lusca beside session.login(), which keeps the data', () => {
  const fixture = useApp({
    controllers: [SignInController],
    prepare: (app: NestExpressApplication) => {
      app.use(sessionMiddleware(app));
      app.useBodyParser('json');
      app.use(lusca.csrf());
      app.use((error: Error, _request: Request, response: Response, _next: NextFunction) =>
        response.json(error.message),
      );
    },
  });

  it('refuses a token of who planted the cookie that the victim has signed in with, once its secret was taken out', async () => {
    const attacker = fixture.app.client();
    const token = (await attacker.get('/form')).json as string;
    const victim = new Client(fixture.app.url);
    await victim.jar.setCookie(await attacker.cookie(), fixture.app.url);
    const own = (await victim.get('/form')).json as string;
    expect((await victim.post('/login', { _csrf: own })).text).toBe('signed in');
    expect((await victim.post('/send', { _csrf: token })).status).toBe(403);
    const next = (await victim.get('/form')).json as string;
    expect((await victim.post('/send', { _csrf: next })).text).toBe('sent by ada');
  });
});
