import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Post, Redirect, Req, Res } from '@nestjs/common';
import flash from 'connect-flash';
import type { Request, Response } from 'express';
import { Session, sessionMiddleware } from 'nestjs-mikro-session';
import { describeOnBoth } from '../../support/both-sessions.js';
import { useApp } from '../../support/app.js';
import { visit } from '../../support/probe.js';

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

  it('shows the messages to no other visitor', async () => {
    await fixture.app.client().post('/order');
    expect((await fixture.app.client().get('/all')).json).toEqual({});
  });

  it('has its messages beside those of the session', async () => {
    const client = fixture.app.client();
    await client.post('/both');
    expect((await client.get('/both')).json).toEqual([['by connect-flash'], ['by the session']]);
    expect((await client.get('/both')).json).toEqual([[], []]);
  });

  it('gives no session to a visitor whose messages are only read', async () => {
    const reply = await visit(fixture.app.client(), () => 'nothing new');
    expect(reply).toMatchObject({ status: 200, setCookies: [] });
  });
});

/** As the README has it, in handlers that answer by themselves. */
@Controller()
class CallbackController {
  @Post('flash') flash(@Req() request: Request, @Res() response: Response): void {
    request.flash('info', 'Flash is back!');
    response.redirect('/messages');
  }
  @Post('save') save(@Req() request: Request, @Res() response: Response): void {
    request.session.save(() => {
      request.flash('info', 'Saved.');
      response.redirect('/messages');
    });
  }
  @Post('regenerate') regenerate(@Req() request: Request, @Res() response: Response): void {
    request.session.regenerate(() => {
      request.flash('info', 'Welcome.');
      response.redirect('/messages');
    });
  }
  @Get('messages') messages(@Req() request: Request, @Res() response: Response): void {
    setImmediate(() => response.json(request.flash('info')));
  }
}

describeOnBoth(
  'connect-flash, in callbacks',
  { controllers: [CallbackController], mount: (app) => app.use(flash()) },
  (fixture) => {
    it.each([
      ['/flash', 'Flash is back!'],
      ['/save', 'Saved.'],
      ['/regenerate', 'Welcome.'],
    ])('carries what %s has to say across its redirect, once', async (path, message) => {
      const newcomer = fixture.app.client();
      const regular = fixture.app.client();
      await regular.post('/flash');
      await regular.get('/messages');
      for (const client of [newcomer, regular]) {
        expect((await client.post(path)).headers.get('location')).toBe('/messages');
        expect((await client.get('/messages')).json).toEqual([message]);
        expect((await client.get('/messages')).json).toEqual([]);
      }
    });
  },
);
