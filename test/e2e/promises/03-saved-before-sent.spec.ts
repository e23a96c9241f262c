import { describe, expect, it } from '@jest/globals';
import { BadRequestException, Controller, Get, Res } from '@nestjs/common';
import type { Response } from 'express';
import { Session } from 'nestjs-mikro-session';
import { useApp } from '../../support/app.js';
import { inHandler, visit } from '../../support/probe.js';

@Controller()
class AnsweringController {
  @Get('answer') answer(@Session() session: Session, @Res() response: Response): void {
    session.set('seen', 'answer');
    response.json({ a: 1 });
  }
}

// Every way to answer, on both platforms: test/e2e/matrix.
describe('Promise 3: saved before sent', () => {
  const fixture = useApp({ controllers: [AnsweringController] });

  it('sends not a byte while the row cannot be written, and then 503 instead of the handler’s answer', async () => {
    const client = fixture.app.client();
    const id = await inHandler(client, (session) => session.set('n', 0).id);
    const holder = await fixture.database.hold('select from sessions where id = $1 for update', [id]);
    const reply = await client.get('/answer');
    await holder.release();
    expect(reply).toMatchObject({ status: 503, json: { statusCode: 503 } });
    expect(reply.headers.get('retry-after')).toBe('1');
    expect(reply.headers.get('etag')).toBeNull();
  });

  it('keeps a login, and sends its cookie, though the handler failed afterwards', async () => {
    const client = fixture.app.client();
    const reply = await visit(client, async (session) => {
      await session.login('alice');
      session.set('seen', 'never');
      throw new Error('broken');
    });
    expect(reply.status).toBe(500);
    expect(reply.setCookies).toHaveLength(1);
    expect(await inHandler(client, (session) => [session.userId, session.has('seen')])).toEqual(['alice', false]);
  });

  it.each([
    [
      'an exception',
      () => {
        throw new BadRequestException();
      },
    ],
    [
      'a failure',
      () => {
        throw new Error('broken');
      },
    ],
    ['a value', () => 1],
  ])('renews the expiry after %s', async (_what, handler) => {
    const client = fixture.app.client();
    const id = await inHandler(client, (session) => session.set('n', 0).id);
    await fixture.database.query(`update sessions set expires_at = now() + interval '1 s' where id = $1`, [id]);
    const renewed = new Promise<void>((resolve) => {
      const subscription = fixture.app.sessions.events.subscribe((event) => {
        if (event.type !== 'renewed' || event.sessionId !== id) return;
        subscription.unsubscribe();
        resolve();
      });
    });
    await visit(client, handler);
    await renewed;
    const { expires_at: expiresAt, last_access_at: lastAccessAt } = await fixture.row(id);
    expect(expiresAt.getTime() - lastAccessAt.getTime()).toBe(30 * 60_000);
  });

  it('keeps the handler’s own cookies, and sets its own exactly once', async () => {
    const client = fixture.app.client();
    const reply = await visit(client, async (session, _request, response) => {
      response.cookie('theirs', '1');
      await session.set('a', 1).save();
      await session.regenerate();
      await session.login('alice');
      response.cookie('also', '2');
    });
    expect(reply.setCookies.map((line) => line.split('=')[0])).toEqual(['theirs', 'also', 'session_id']);
  });
});
