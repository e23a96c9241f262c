import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Post, Res } from '@nestjs/common';
import type { Response } from 'express';
import { Session } from 'nestjs-mikro-session';
import { useApp } from '../support/app.js';
import { inHandler, visit } from '../support/probe.js';

@Controller('gate')
class GateController {
  @Post('twice') twice(@Session() session: Session, @Res() response: Response): void {
    session.set('a', 1);
    response.redirect('/first');
    response.json({ second: 'with a longer body than the first' });
  }
  @Post('headless') headless(@Session() session: Session, @Res() response: Response): void {
    session.set('a', 1);
    response.writeHead(99).end('with a body that is not sent');
  }
  @Get('later') later(@Session() session: Session, @Res() response: Response): void {
    session.set('a', 1);
    // The interceptor is storing what is there by then.
    setImmediate(() => {
      session.set('b', 2);
      response.json({ done: true });
    });
  }
}

describe('A response that has to wait for the session', () => {
  const fixture = useApp({ controllers: [GateController] });

  it('is sent once, as it was first, by a handler that sends twice', async () => {
    const client = fixture.app.client();
    const reply = await client.post('/gate/twice');
    expect(reply.status).toBe(302);
    expect(reply.headers.get('location')).toBe('/first');
    expect(reply.headers.get('content-type')).toMatch(/^text\//);
    expect(reply.setCookies).toHaveLength(1);
    expect(await inHandler(client, (session) => session.get('a'))).toBe(1);
  });

  it('is an error with a body of its own, if its head turns out to be no head', async () => {
    const reply = await fixture.app.client().post('/gate/headless');
    expect(reply).toMatchObject({ status: 500, json: { statusCode: 500, message: 'Internal Server Error' } });
  });

  it('carries what a handler changed after it had returned', async () => {
    const client = fixture.app.client();
    expect((await client.get('/gate/later')).json).toEqual({ done: true });
    expect(await inHandler(client, (session) => session.toJSON())).toEqual({ a: 1, b: 2 });
  });
});

describe('Several changes of the credential in one request', () => {
  const fixture = useApp();

  it.each([
    ['login() and regenerate()', async (session: Session) => (await session.login('ada'), session.regenerate())],
    ['regenerate() and login()', async (session: Session) => (await session.regenerate(), session.login('ada'))],
    ['login() twice', async (session: Session) => (await session.login('ada'), session.login('ada'))],
  ])('leave the cookie that it came with an outsider’s, not a stranger’s: %s', async (_what, rotate) => {
    const client = fixture.app.client();
    await visit(client, (session) => session.set('cart', 1));
    const cookie = await client.cookie();
    await visit(client, rotate);
    const late = await visit(fixture.app.client(), (session) => session.flash('info', 'late'), { cookie });
    expect(late).toMatchObject({ status: 401, setCookies: [] });
    expect(await inHandler(client, (session) => [session.userId, session.get('cart')])).toEqual(['ada', 1]);
  });

  it('leave it good for its session after regenerate() twice', async () => {
    const client = fixture.app.client();
    await visit(client, (session) => session.set('cart', 1));
    const cookie = await client.cookie();
    await visit(client, async (session) => (await session.regenerate(), session.regenerate()));
    expect(await inHandler(fixture.app.client(), (session) => session.get('cart'), { cookie })).toBe(1);
  });

  it('do not take a cookie that only got another lifetime for a new one', async () => {
    const client = fixture.app.client();
    await visit(client, (session) => session.set('cart', 1));
    const cookie = await client.cookie();
    await visit(client, async (session) => (await session.setTtl('30d').save(), session.regenerate()));
    expect(await client.cookie()).not.toBe(cookie);
  });
});

describe('update() on a session that is not stored yet', () => {
  const fixture = useApp();

  it('changes nothing when its function throws', async () => {
    const client = fixture.app.client();
    const before = await fixture.rows();
    await visit(client, async (session) => {
      const failing = session.update((data) => {
        data['stock'] = -1;
        throw new Error('sold out');
      });
      await failing.catch(() => {});
    });
    expect(await fixture.rows()).toBe(before);
    await visit(client, (session) => session.update((data) => (data['stock'] = 3)));
    expect(await inHandler(client, (session) => session.get('stock'))).toBe(3);
  });
});
