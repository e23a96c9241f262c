import { Controller, Get, Post, Redirect, Req } from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';
import flash from 'connect-flash';
import cookieParser from 'cookie-parser';
import { doubleCsrf } from 'csrf-csrf';
import type { Request, Response } from 'express';
import { type ExpressSession, Session, sessionMiddleware } from 'nestjs-mikro-session';
import type { Client } from '../support/client.js';
import { useApp } from '../support/fixture.js';
import { inHandler, visit } from '../support/probe.js';

@Controller()
class FlashController {
  @Post('order') @Redirect('/orders', 303) order(@Req() request: Request): void {
    request.flash('info', 'Ordered: %s.', 'book');
    request.flash('info', ['Thank you.', 'Come again.']);
    request.flash('error', 'No pens left.');
  }
  @Get('orders') orders(@Req() request: Request): unknown {
    return { info: request.flash('info'), others: request.flash() };
  }
  @Get('all') all(@Req() request: Request): unknown {
    return request.flash();
  }
  @Post('both') both(@Req() request: Request, @Session() session: Session): void {
    request.flash('info', 'by connect-flash');
    session.flash('info', 'by the session');
  }
  @Get('both') read(@Req() request: Request, @Session() session: Session): unknown {
    return [request.flash('info'), session.flashes('info').map(({ message }) => message)];
  }
}

describe('connect-flash', () => {
  const fixture = useApp({
    controllers: [FlashController],
    prepare: (app) => {
      app.use(sessionMiddleware(app));
      app.use(flash());
      // As layouts do: asks for messages on every page.
      app.use('/probe', (request: Request, _response: Response, next: () => void) => (request.flash(), next()));
    },
  });

  it('carries messages across a redirect, once', async () => {
    const client = fixture.app.client();
    const reply = await client.post('/order');
    expect([reply.status, reply.headers.get('location')]).toEqual([303, '/orders']);
    const info = ['Ordered: book.', 'Thank you.', 'Come again.'];
    expect((await client.get('/orders')).json).toEqual({ info, others: { error: ['No pens left.'] } });
    expect((await client.get('/orders')).json).toEqual({ info: [], others: {} });
  });

  it('shows them all at once', async () => {
    const client = fixture.app.client();
    await client.post('/order');
    expect((await client.get('/all')).json).toMatchObject({ info: { length: 3 }, error: ['No pens left.'] });
    expect((await client.get('/all')).json).toEqual({});
  });

  it('shows them to nobody else', async () => {
    await fixture.app.client().post('/order');
    expect((await fixture.app.client().get('/all')).json).toEqual({});
  });

  it('has its messages beside those of the session', async () => {
    const client = fixture.app.client();
    await client.post('/both');
    expect((await client.get('/both')).json).toEqual([['by connect-flash'], ['by the session']]);
    expect((await client.get('/both')).json).toEqual([[], []]);
  });

  it('gives nobody a session whom it only asks for messages', async () => {
    const reply = await visit(fixture.app.client(), () => 'nothing new');
    expect(reply).toMatchObject({ status: 200, setCookies: [] });
  });
});

type WithSession = Request & { session: ExpressSession; user?: { id: string } };

const { doubleCsrfProtection } = doubleCsrf({
  getSecret: () => 'a secret of the test',
  getSessionIdentifier: (request) => {
    const { session, user } = request as WithSession;
    return [session.id, session.userId, user?.id].join();
  },
  cookieName: 'csrf',
  cookieOptions: { secure: false },
});

@Controller()
class CsrfController {
  @Get('form') form(@Req() request: WithSession): string {
    // What makes the session last until the form is sent.
    request.session['form'] = true;
    return request.csrfToken?.() ?? '';
  }
  @Post('send') send(): string {
    return 'sent';
  }
  @Post('login') login(@Session() session: Session): Promise<void> {
    return session.login('ada');
  }
}

describe('csrf-csrf', () => {
  const fixture = useApp({
    controllers: [CsrfController],
    prepare: (app) => {
      app.use(cookieParser());
      app.use(sessionMiddleware(app));
      app.use(/^(?!\/probe)/, doubleCsrfProtection);
    },
  });
  const send = async (client: Client, token: string, path = '/send') =>
    (await client.post(path, undefined, { 'x-csrf-token': token })).status;

  it('takes the token that it gave, as often as it comes', async () => {
    const client = fixture.app.client();
    const token = (await client.get('/form')).text;
    expect(await send(client, token)).toBe(201);
    expect(await send(client, token)).toBe(201);
    expect((await client.get('/form')).text).toBe(token);
  });

  it('refuses a wrong one, none, and one without its cookie', async () => {
    const client = fixture.app.client();
    const token = (await client.get('/form')).text;
    expect(await send(client, `${token}0`)).toBe(403);
    expect((await client.post('/send')).status).toBe(403);
    expect(await send(fixture.app.client(), token)).toBe(403);
  });

  it('refuses one of another session, cookie and all', async () => {
    const attacker = fixture.app.client();
    const token = (await attacker.get('/form')).text;
    const victim = fixture.app.client();
    await visit(victim, (session) => session.set('known', true));
    await victim.jar.setCookie(`csrf=${token}`, fixture.app.url);
    expect(await send(victim, token)).toBe(403);
  });

  it('refuses one from before the login, where it is bound to the user as well', async () => {
    const client = fixture.app.client();
    const token = (await client.get('/form')).text;
    const { id } = await inHandler(client, (session) => ({ id: session.id }));
    expect(await send(client, token, '/login')).toBe(201);
    expect(await inHandler(client, (session) => session.id)).toBe(id);
    expect(await send(client, token)).toBe(403);
    expect(await send(client, (await client.get('/form')).text)).toBe(201);
  });
});
