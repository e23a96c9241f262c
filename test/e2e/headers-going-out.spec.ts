import { ServerResponse } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Param, Post, Res } from '@nestjs/common';
import { Session } from 'nestjs-mikro-session';
import { useApp } from '../support/app.js';
import { PLATFORMS, type PlatformResponse, rawOf } from '../support/platform.js';

@Controller()
class ShopController {
  @Post('login') async login(@Session() session: Session): Promise<string> {
    await session.login('ada');
    return 'welcome';
  }
  /** Listens later than the session does. */
  @Post('listening') async listening(
    @Session() session: Session,
    @Res({ passthrough: true }) response: ServerResponse & { raw?: ServerResponse },
  ): Promise<string> {
    whenHeadersGo(response.raw ?? response, (going) => void going.setHeader('Cache-Control', 'public'));
    await session.login('ada');
    return 'welcome';
  }
  /** Writes to the session as the headers go out, of an answer in parts, with something to store before it or not. */
  @Post('counting/:how') counting(
    @Session() session: Session,
    @Param('how') how: 'changed' | 'unchanged',
    @Res() response: PlatformResponse & { hijack?(): void },
  ): void {
    response.hijack?.();
    const raw = rawOf(response);
    whenHeadersGo(raw, () => session.increment('answers'));
    if (how === 'changed') session.set('how', how);
    raw.write('a');
    raw.end('b');
  }
  @Get('answers') answers(@Session('answers') answers: number = 0): string {
    return String(answers);
  }
  @Get('page') page(@Session('userId') userId: string | null): string {
    return `page of ${userId}`;
  }
  @Get('silent') silent(): string {
    return 'silent';
  }
}

/** What the package on-headers does: a listener hears that the headers go, and may change them until they are gone. */
function whenHeadersGo(response: ServerResponse, change: (response: ServerResponse) => void): void {
  // oxlint-disable-next-line typescript/unbound-method -- called with the response as `this`
  const { writeHead } = response;
  let isFirst = true;
  response.writeHead = function listened(this: ServerResponse, ...args: never[]) {
    if (isFirst) change(response);
    isFirst = false;
    return Reflect.apply(writeHead, this, args) as ServerResponse;
  } as never;
}

/** As it is written by hand: headers are set when the answer is sent, if they are not out. */
function makePublicBy(method: 'end' | 'write', response: ServerResponse): void {
  const original = response[method] as (...args: unknown[]) => unknown;
  response[method] = function sent(this: ServerResponse, ...args: unknown[]) {
    if (!response.headersSent) response.setHeader('Cache-Control', 'public, max-age=300');
    return Reflect.apply(original, this, args);
  } as never;
}

const CHANGES: readonly (readonly [string, (response: ServerResponse) => void])[] = [
  ['sets', (response) => void response.setHeader('Cache-Control', 'public, max-age=300')],
  [
    'sets, and its own cookie',
    (response) => void response.setHeader('Set-Cookie', 'theme=dark').setHeader('Cache-Control', 'public'),
  ],
  ['appends', (response) => void response.appendHeader('Cache-Control', 's-maxage=300')],
  ['removes', (response) => ['Cache-Control', 'Set-Cookie', 'Vary'].forEach((name) => response.removeHeader(name))],
  [
    'sets for a CDN',
    (response) =>
      void response.setHeader('CDN-Cache-Control', 'max-age=300').setHeader('Surrogate-Control', 'max-age=300'),
  ],
  [
    'sets many',
    (response) =>
      void response.setHeaders(
        new Map([
          ['Cache-Control', 'public'],
          ['Set-Cookie', 'theme=dark'],
        ]),
      ),
  ],
];

describe.each(PLATFORMS)('On %s, where middleware changes headers as they go out', (platform) => {
  let change: (response: ServerResponse) => void = () => {};
  let wrapped: 'end' | 'write' | null = null;
  const fixture = useApp({
    platform,
    controllers: [ShopController],
    prepare: (app) =>
      void app.use((_request: unknown, response: ServerResponse, next: () => void) => {
        if (wrapped === null) whenHeadersGo(response, (going) => change(going));
        else makePublicBy(wrapped, response);
        next();
      }),
  });

  it.each(CHANGES)(
    'a response with our cookie keeps it, and no shared cache keeps that: what it %s',
    async (_, made) => {
      change = made;
      const client = fixture.app.client();
      const reply = await client.post('/login');
      expect(reply.setCookies.filter((line) => line.startsWith('session_id='))).toHaveLength(1);
      expect(reply.headers.get('cache-control')).toMatch(/\b(no-store|private)\b/);
      expect(reply.headers.get('cache-control')).not.toMatch(/public|s-maxage/);
      expect([reply.headers.get('cdn-cache-control'), reply.headers.get('surrogate-control')]).toEqual([null, null]);
      expect(reply.headers.get('vary')).toMatch(/\bCookie\b/);
      expect((await client.get('/page')).text).toBe('page of ada');
    },
  );

  it.each(['end', 'write'] as const)(
    'nor does one whose %s() is wrapped by middleware that sets headers there',
    async (method) => {
      wrapped = method;
      const reply = await fixture.app.client().post('/login');
      wrapped = null;
      expect(reply.setCookies).toHaveLength(1);
      expect(reply.headers.get('cache-control')).not.toMatch(/public/);
    },
  );

  it('nor does one where a handler listens', async () => {
    change = () => {};
    const reply = await fixture.app.client().post('/listening');
    expect(reply.setCookies).toHaveLength(1);
    expect(reply.headers.get('cache-control')).toBe('private');
  });

  it.each(['counting/changed', 'counting/unchanged'])(
    'what is written to the session as the headers go out is stored before the end: %s',
    async (path) => {
      change = () => {};
      const client = fixture.app.client();
      await client.post('/login');
      for (let answers = 1; answers <= 2; answers++) {
        expect((await client.post(`/${path}`)).text).toBe('ab');
        expect((await client.get('/answers')).text).toBe(String(answers));
      }
    },
  );

  it('its own cookie stays beside ours', async () => {
    change = (response) => void response.setHeader('Set-Cookie', 'theme=dark');
    expect((await fixture.app.client().post('/login')).setCookies).toEqual([
      'theme=dark',
      expect.stringMatching(/^session_id=/),
    ]);
  });

  it('a response that makes no use of the session is left as it says', async () => {
    change = (response) => void response.setHeader('Cache-Control', 'public, max-age=300');
    const { headers } = await fixture.app.client().get('/silent');
    expect([headers.get('cache-control'), headers.get('vary')]).toEqual(['public, max-age=300', null]);
  });
});

describe.each(PLATFORMS)('On %s, where all responses have their headers changed as they go out', (platform) => {
  const fixture = useApp({ platform, controllers: [ShopController] });
  const { prototype } = ServerResponse;
  // oxlint-disable-next-line typescript/unbound-method -- called with the response as `this`
  const { writeHead } = prototype;
  beforeAll(() => {
    prototype.writeHead = function changed(this: ServerResponse, ...args: never[]) {
      this.setHeader('Cache-Control', 'public, max-age=300');
      return Reflect.apply(writeHead, this, args) as ServerResponse;
    } as never;
  });
  afterAll(() => {
    prototype.writeHead = writeHead;
  });

  it('no shared cache keeps one with our cookie', async () => {
    const reply = await fixture.app.client().post('/login');
    expect(reply.setCookies).toHaveLength(1);
    expect(reply.headers.get('cache-control')).toMatch(/\bprivate\b/);
    expect(reply.headers.get('cache-control')).not.toMatch(/public/);
  });

  it('a response that makes no use of the session is left as it says', async () => {
    const { headers } = await fixture.app.client().get('/silent');
    expect(headers.get('cache-control')).toBe('public, max-age=300');
  });
});
