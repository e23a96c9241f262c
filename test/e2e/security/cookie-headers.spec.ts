import { text } from 'node:stream/consumers';
import { Controller, Get } from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';
import { Session } from 'nestjs-mikro-session';
import { useApp } from '../../support/app.js';
import { overHttp2, rawConnection } from '../../support/exchange.js';
import { type Platform, PLATFORMS_AND_HTTP2 } from '../../support/platform.js';

@Controller()
class VisitorController {
  @Get('who') who(@Session('userId') userId: string | null): string {
    return `user: ${userId}`;
  }
}

/** Sends a request with several Cookie headers, which HTTP/2 clients and proxies make of one. */
async function ask(platform: Platform, url: string, cookies: readonly string[]): Promise<string> {
  if (platform === 'Fastify, HTTP/2') {
    const headers = { cookie: cookies } as unknown as Record<string, string>;
    return (await overHttp2(url, { path: '/who', headers }).answer).body.toString();
  }
  const socket = await rawConnection(url);
  const lines = ['GET /who HTTP/1.1', 'Host: localhost', 'Connection: close'];
  socket.write([...lines, ...cookies.map((cookie) => `Cookie: ${cookie}`), '', ''].join('\r\n'));
  return text(socket);
}

describe.each(PLATFORMS_AND_HTTP2)('On %s, of several Cookie headers', (platform) => {
  const fixture = useApp({ platform, controllers: [VisitorController] });

  it('the one with the session’s cookie is found, wherever it stands', async () => {
    const { cookie } = await fixture.app.sessions.create({ userId: 'ada' });
    for (const cookies of [
      [cookie, 'theme=dark'],
      ['theme=dark', cookie],
      ['theme=dark; language=en', cookie, 'session_id=malformed'],
    ])
      expect(await ask(platform, fixture.app.url, cookies)).toContain('user: ada');
    expect(await ask(platform, fixture.app.url, ['theme=dark', 'language=en'])).toContain('user: null');
  });
});
