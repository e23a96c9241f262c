import { describe, expect, it } from '@jest/globals';
import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  Inject,
  Injectable,
  Req,
  Res,
  UseGuards,
} from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { Response } from 'express';
import { Session, SessionGuard, SessionService } from 'nestjs-mikro-session';
import { useApp } from '../support/app.js';
import { visit } from '../support/probe.js';

@Injectable()
class AskingGuard implements CanActivate {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}
  async canActivate(context: ExecutionContext): Promise<boolean> {
    return (await this.sessions.of(context)) !== null;
  }
}

@Controller('vary')
class VaryController {
  @Get('none') none(): void {}
  @Get('decorator') decorator(@Session() _session: Session): void {}
  @Get('member') member(@Session('userId') _userId: string): void {}
  @Get('request') request(@Req() request: { session: unknown }): boolean {
    return Boolean(request.session);
  }
  @Get('of') @UseGuards(AskingGuard) of(): void {}
  @Get('guard') @UseGuards(SessionGuard) guard(): void {}
  @Get('own') own(@Session() _session: Session, @Res({ passthrough: true }) response: Response): void {
    response.setHeader('Vary', 'Accept-Encoding');
  }
  @Get('star') star(@Session() _session: Session, @Res({ passthrough: true }) response: Response): void {
    response.setHeader('Vary', '*');
  }
}

describe('Vary: Cookie', () => {
  const fixture = useApp({ controllers: [VaryController] });

  it.each(['decorator', 'member', 'request', 'of', 'guard'])(
    'is sent when the session was looked at by way of %s',
    async (path) => {
      expect((await fixture.app.client().get(`/vary/${path}`)).headers.get('vary')).toBe('Cookie');
    },
  );

  it('is not sent when nobody looked, though there is a session', async () => {
    const client = fixture.app.client();
    await visit(client, (session) => session.set('a', 1));
    expect((await client.get('/vary/none')).headers.get('vary')).toBeNull();
  });

  it('joins what the handler varies by itself', async () => {
    expect((await fixture.app.client().get('/vary/own')).headers.get('vary')).toBe('Accept-Encoding, Cookie');
    expect((await fixture.app.client().get('/vary/star')).headers.get('vary')).toBe('*');
  });
});

describe('Cache-Control', () => {
  const fixture = useApp();

  it('is no-store with every Set-Cookie, and nothing without one', async () => {
    const client = fixture.app.client();
    expect((await visit(client, (session) => session.set('a', 1))).headers.get('cache-control')).toBe('no-store');
    expect((await visit(client, (session) => session.set('a', 2))).headers.get('cache-control')).toBeNull();
    expect((await visit(client, (session) => session.destroy())).headers.get('cache-control')).toBe('no-store');
  });

  it.each([
    ['private, max-age=60', 'private, max-age=60'],
    ['no-store', 'no-store'],
    ['public, max-age=60', 'private, max-age=60'],
    ['Public', 'private'],
    ['max-age=60', 'private, max-age=60'],
    ['s-maxage=600,max-age=60,must-revalidate', 'private, max-age=60, must-revalidate'],
    ['no-cache', 'private, no-cache'],
    ['private="set-cookie", max-age=60', 'private, private="set-cookie", max-age=60'],
    ['no-cache="a, public, b"', 'private, no-cache="a, public, b"'],
  ])('is what the handler says of browsers, and never lets a shared cache keep a Set-Cookie: %s', async (own, sent) => {
    const reply = await visit(fixture.app.client(), (session, _request, response) => {
      response.setHeader('Cache-Control', own);
      session.set('a', 1);
    });
    expect(reply.headers.get('cache-control')).toBe(sent);
  });

  it('is not undone by what the handler tells a content delivery network', async () => {
    const reply = await visit(fixture.app.client(), (session, _request, response) => {
      response.setHeader('CDN-Cache-Control', 'max-age=600');
      response.setHeader('Surrogate-Control', 'max-age=600');
      session.set('a', 1);
    });
    expect(reply.headers.get('cache-control')).toBe('no-store');
    expect(reply.headers.get('cdn-cache-control')).toBeNull();
    expect(reply.headers.get('surrogate-control')).toBeNull();
  });

  it('is the handler’s, whatever it says, where no cookie is set', async () => {
    const client = fixture.app.client();
    await visit(client, (session) => session.set('a', 1));
    const reply = await visit(client, (session, _request, response) => {
      response.setHeader('Cache-Control', 'public, max-age=60');
      response.setHeader('CDN-Cache-Control', 'max-age=600');
      session.set('a', 2);
    });
    expect(reply.headers.get('cache-control')).toBe('public, max-age=60');
    expect(reply.headers.get('cdn-cache-control')).toBe('max-age=600');
  });
});

describe('The cookie', () => {
  describe('by default', () => {
    const fixture = useApp();
    it('is HttpOnly, SameSite=Lax, for the whole site, until the absolute end', async () => {
      const [line] = (await visit(fixture.app.client(), (session) => session.set('a', 1))).setCookies;
      expect(line).toMatch(/^session_id=[\w.-]{80}; Max-Age=43200; Path=\/; HttpOnly; SameSite=Lax$/);
    });
  });

  describe('as configured', () => {
    const fixture = useApp({
      options: {
        absoluteTimeout: false,
        cookie: {
          name: '__Secure-sid',
          path: '/probe',
          domain: 'example.com',
          secure: true,
          sameSite: 'none',
          partitioned: true,
        },
      },
    });
    it('has the attributes that it was given, and lives 400 days where the session has no absolute end', async () => {
      const [line] = (await visit(fixture.app.client(), (session) => session.set('a', 1))).setCookies;
      expect(line).toMatch(/^__Secure-sid=/);
      expect(line?.split('; ').slice(1).toSorted()).toEqual(
        [
          'Domain=example.com',
          'HttpOnly',
          'Max-Age=34560000',
          'Partitioned',
          'Path=/probe',
          'SameSite=None',
          'Secure',
        ].toSorted(),
      );
    });
  });

  describe('behind a proxy that ends TLS', () => {
    const fixture = useApp({
      options: { cookie: { persistent: false } },
      prepare: (app: NestExpressApplication) => void app.set('trust proxy', 'loopback'),
    });
    it('is Secure where the visitor came by HTTPS, and lasts as long as the browser’s session', async () => {
      const client = fixture.app.client();
      const secure = await visit(client, (session) => session.set('a', 1), { 'x-forwarded-proto': 'https' });
      expect(secure.setCookies[0]).toMatch(/^session_id=[\w.-]{80}; Path=\/; HttpOnly; Secure; SameSite=Lax$/);
      const plain = await visit(fixture.app.client(), (session) => session.set('a', 1));
      expect(plain.setCookies[0]).not.toContain('Secure');
    });
  });
});
