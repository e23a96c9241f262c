import { once } from 'node:events';
import { get, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { Controller, Get, Res } from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';
import { MemorySessionStore, Session, SessionModule, SessionStoreUnavailableError } from 'nestjs-mikro-session';
import { useAppWithoutDatabase } from '../support/app.js';
import { type Platform, type PlatformResponse, PLATFORMS, rawOf } from '../support/platform.js';

const LINK = '</style.css>; rel=preload; as=style';

let isDown = false;
/** Takes its time, as a database does, or does not answer. */
class SlowStore extends MemorySessionStore {
  override async create(...args: Parameters<MemorySessionStore['create']>) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (isDown) throw new SessionStoreUnavailableError('create a session', { cause: new Error('it is down') });
    return super.create(...args);
  }
}

@Controller('hints')
class HintsController {
  @Get()
  hints(@Session() session: Session, @Res() response: PlatformResponse & { hijack?(): void }): void {
    response.hijack?.();
    const raw = rawOf(response);
    session.set('seen', true);
    raw.writeEarlyHints({ link: LINK });
    raw.setHeader('Trailer', 'Server-Timing');
    raw.write('first, ');
    raw.writeEarlyHints({ link: LINK });
    raw.addTrailers({ 'Server-Timing': 'total;dur=1' });
    raw.end('last');
  }
}

/** What comes in the order in which it comes. */
async function visit(url: string) {
  const hints: IncomingHttpHeaders[] = [];
  const request = get(`${url}/hints`).on('information', ({ headers }) => hints.push(headers as IncomingHttpHeaders));
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  let body = '';
  for await (const part of response.setEncoding('utf8')) body += part as string;
  const { statusCode, headers, trailers } = response;
  return { hints, status: statusCode, body, cookies: headers['set-cookie'] ?? [], trailers };
}

describe.each(PLATFORMS)(
  'An answer on %s that begins with early hints and ends with trailers',
  (platform: Platform) => {
    const fixture = useAppWithoutDatabase({
      platform,
      controllers: [HintsController],
      session: SessionModule.forRoot({ store: SlowStore }),
    });

    it('sends hints at once, without a cookie, and all else once the session is stored', async () => {
      const { hints, ...answer } = await visit(fixture.app.url);
      expect(hints).toEqual([{ link: LINK }, { link: LINK }]);
      expect(answer).toMatchObject({ status: 200, body: 'first, last', trailers: { 'server-timing': 'total;dur=1' } });
      expect(answer.cookies).toHaveLength(1);
      expect(await fixture.app.sessions.count()).toBe(1);
    });

    it('is 503 alone, after the hints, where that fails', async () => {
      isDown = true;
      const { hints, ...answer } = await visit(fixture.app.url).finally(() => (isDown = false));
      expect(hints).toHaveLength(2);
      expect(answer).toMatchObject({ status: 503, cookies: [], trailers: {} });
      expect(answer.body).not.toContain('first');
    });
  },
);
