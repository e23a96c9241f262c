import { describe, expect, it } from '@jest/globals';
import { BadRequestException, Controller, Get, Post, Res, UseGuards } from '@nestjs/common';
import { Session, SessionGuard } from 'nestjs-mikro-session';
import { useApp } from '../support/app.js';
import type { Answer } from '../support/exchange.js';
import { type PlatformResponse, PLATFORMS_AND_HTTP2, rawOf, sendTo } from '../support/platform.js';

@Controller()
class AccountController {
  @Get('own-headers') ownHeaders(
    @Session() session: Session,
    @Res({ passthrough: true }) response: PlatformResponse,
  ): string {
    session.set('a', 1);
    response.header('set-cookie', 'theirs=1').header('vary', 'accept').header('cache-control', 'public, max-age=60');
    return 'own';
  }
  @Get('held') held(@Session() session: Session, @Res() response: PlatformResponse): void {
    session.set('a', 2);
    rawOf(response).writeHead(200, { etag: '"v1"', 'content-type': 'text/plain' });
    rawOf(response).end('the handler’s answer');
  }
  @Get('me') @UseGuards(SessionGuard) me(@Session('userId') userId: string): string {
    return userId;
  }
  @Post('login') async login(@Session() session: Session): Promise<void> {
    await session.login('ada');
  }
  @Post('failing-login') async failingLogin(@Session() session: Session): Promise<never> {
    await session.login('ada');
    session.set('a', 'never');
    throw new Error('broken');
  }
  @Post('refused-login') async refusedLogin(@Session() session: Session): Promise<never> {
    session.increment('attempts');
    throw new BadRequestException();
  }
  @Post('logout') async logout(@Session() session: Session): Promise<void> {
    await session.logout();
  }
}

describe.each(PLATFORMS_AND_HTTP2)('On %s', (platform) => {
  const fixture = useApp({ platform, controllers: [AccountController], options: { queryTimeout: '500ms' } });

  const send = (method: string, path: string, cookie?: string): Promise<Answer> =>
    sendTo(platform)(fixture.app.url, { method, path, headers: { ...(cookie !== undefined && { cookie }) } }).answer;
  const cookieOf = ({ headers }: Answer): string => headers['set-cookie']?.[0]?.split(';')[0] ?? '';

  it('the handler’s own cookie and Vary stay, and Set-Cookie stays out of shared caches', async () => {
    const { headers } = await send('GET', '/own-headers');
    expect(headers['set-cookie']?.map((line) => line.split('=')[0])).toEqual(['theirs', 'session_id']);
    expect(headers).toMatchObject({ vary: 'accept, Cookie', 'cache-control': 'private, max-age=60' });
  });

  it('guarded routes are open while a user is signed in', async () => {
    expect((await send('GET', '/me')).status).toBe(401);
    const cookie = cookieOf(await send('POST', '/login'));
    const { status, body } = await send('GET', '/me', cookie);
    expect([status, body.toString()]).toEqual([200, 'ada']);
    expect(cookieOf(await send('POST', '/logout', cookie))).toBe('session_id=');
    expect((await send('GET', '/me', cookie)).status).toBe(401);
  });

  it('a login stays, and its cookie is sent, though the handler failed afterwards', async () => {
    const answer = await send('POST', '/failing-login');
    expect(answer.status).toBe(500);
    expect((await send('GET', '/me', cookieOf(answer))).status).toBe(200);
  });

  it('failed logins are counted', async () => {
    const { session, cookie } = await fixture.app.sessions.create({ data: { attempts: 1 } });
    expect((await send('POST', '/refused-login', cookie)).status).toBe(400);
    expect((await fixture.app.sessions.find(session.id))?.get('attempts')).toBe(2);
  });

  it('an answer whose session cannot be stored is replaced as a whole', async () => {
    const { session, cookie } = await fixture.app.sessions.create({ data: { a: 1 } });
    const holder = await fixture.database.hold('select from sessions where id = $1 for update', [session.id]);
    const { status, headers, body } = await send('GET', '/held', cookie);
    await holder.release();
    expect(status).toBe(503);
    expect(headers).toMatchObject({ 'retry-after': '1', 'content-type': 'application/json; charset=utf-8' });
    expect(headers['etag']).toBeUndefined();
    expect(JSON.parse(body.toString())).toEqual({ statusCode: 503, message: 'Service Unavailable' });
  });
});
