import { once } from 'node:events';
import type { Socket } from 'node:net';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Param, Post, Req, Res } from '@nestjs/common';
import { MemorySessionStore, Session, SessionModule, SessionStoreUnavailableError } from 'nestjs-mikro-session';
import { useAppWithoutDatabase } from '../support/app.js';
import { rawConnection } from '../support/exchange.js';
import { Handlers } from '../support/handlers.js';
import { type Platform, type PlatformResponse, PLATFORMS, rawOf } from '../support/platform.js';
import { turns } from '../support/turns.js';

const works = new Handlers<(session: Session, response: PlatformResponse) => unknown>();
let created = 0;
let commits = 0;
let renewals = 0;
let cannotRenew = false;
let isDown = false;

class WatchedStore extends MemorySessionStore {
  override create(...args: Parameters<MemorySessionStore['create']>) {
    created++;
    return super.create(...args);
  }
  override renew(...args: Parameters<MemorySessionStore['renew']>): void {
    renewals++;
    if (cannotRenew) throw new Error('renew() is broken');
    super.renew(...args);
  }
  override delete(...args: Parameters<MemorySessionStore['delete']>) {
    return isDown ? Promise.reject(new SessionStoreUnavailableError('end a session')) : super.delete(...args);
  }
  override commit(...args: Parameters<MemorySessionStore['commit']>) {
    commits++;
    return super.commit(...args);
  }
}

beforeEach(() => {
  created = 0;
  commits = 0;
  renewals = 0;
  cannotRenew = false;
  isDown = false;
});

@Controller()
class WorkController {
  @Post('silent/:work')
  async silent(@Session() session: Session, @Param('work') work: string, @Res() response: PlatformResponse) {
    await works.get(work)(session, response);
  }
  @Post('value/:work')
  async value(
    @Session() session: Session,
    @Param('work') work: string,
    @Res({ passthrough: true }) response: PlatformResponse,
  ): Promise<string> {
    await works.get(work)(session, response);
    return 'value';
  }
  @Get('sent')
  sent(@Session() session: Session, @Res() response: PlatformResponse): void {
    session.increment('n');
    response.send('sent');
  }
  @Get('listeners')
  listeners(@Req() request: { readonly raw?: { readonly socket: Socket }; readonly socket: Socket }): number {
    const { socket } = request.raw ?? request;
    return socket.eventNames().reduce((sum, event) => sum + socket.listenerCount(event), 0);
  }
}

/** An application, of which it has not been said yet what is said once. */
function useApp(platform: Platform) {
  const fixture = useAppWithoutDatabase({
    platform,
    controllers: [WorkController],
    session: SessionModule.forRoot({ store: WatchedStore }),
  });

  /** Sends a request, goes away, and has its handler work then; settles once all has come of that. */
  async function abandon(
    route: string,
    cookie: string | null,
    work: (session: Session, response: PlatformResponse) => unknown,
  ): Promise<void> {
    const [begun, done] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const name = works.add(async (session, response) => {
      const closed = once(rawOf(response), 'close');
      begun.resolve();
      await closed;
      await work(session, response);
      done.resolve();
    });
    const socket = await rawConnection(fixture.app.url);
    const header = cookie === null ? '' : `Cookie: ${cookie}\r\n`;
    socket.write(`POST /${route}/${name} HTTP/1.1\r\nHost: localhost\r\n${header}Content-Length: 0\r\n\r\n`);
    await begun.promise;
    socket.destroy();
    await done.promise;
    await turns();
    works.delete(name);
  }

  const told = () => fixture.app.lines.filter((line) => line.includes('its client has gone'));

  return { fixture, abandon, told };
}

describe.each(PLATFORMS)('On %s, when the client has gone', (platform) => {
  const { fixture, abandon, told } = useApp(platform);

  it('what a handler that returns its answer has written is stored', async () => {
    await abandon('value', null, (session) => session.set('a', 1));
    expect(created).toBe(1);
    const { session, cookie } = await fixture.app.sessions.create({ data: { a: 1 } });
    await abandon('value', cookie, async (own) => {
      await own.login('ada');
      own.set('b', 1);
    });
    const found = await fixture.app.sessions.find(session.id);
    expect([found?.userId, found?.get('a'), found?.get('b')]).toEqual(['ada', 1, 1]);
    expect(commits).toBe(1);
  });

  it('what one that answers by itself has written is dropped where it never answers, and the log says so once', async () => {
    const { session, cookie } = await fixture.app.sessions.create({ data: { n: 1 } });
    await abandon('silent', cookie, () => {});
    expect(told()).toEqual([]);
    for (let times = 0; times < 2; times++) await abandon('silent', cookie, (own) => own.increment('n'));
    expect((await fixture.app.sessions.find(session.id))?.get('n')).toBe(1);
    expect(told()).toEqual([expect.stringMatching(/WorkController\.silent.*session\.save\(\)/)]);
  });

  it('a request to a handler that never answers counts as an access, and a store that fails by that is reported', async () => {
    const { cookie } = await fixture.app.sessions.create({ data: { n: 1 } });
    await abandon('silent', cookie, () => {});
    expect(renewals).toBe(1);
    cannotRenew = true;
    await abandon('silent', cookie, () => {});
    expect(fixture.app.lines).toContainEqual(expect.stringContaining('renew() is broken'));
  });

  it('an operation that fails, and that nobody waits for, is told of in the log', async () => {
    const { cookie } = await fixture.app.sessions.create({ userId: 'ada' });
    isDown = true;
    await abandon('silent', cookie, (own) => void own.logout());
    expect(fixture.app.lines).toContainEqual(expect.stringContaining('could not end a session'));
  });

  it('what it has saved is kept', async () => {
    const { session, cookie } = await fixture.app.sessions.create({ data: { n: 1 } });
    await abandon('silent', cookie, async (own) => {
      own.increment('n');
      await own.save();
    });
    expect((await fixture.app.sessions.find(session.id))?.get('n')).toBe(2);
  });

  it.each([
    [200, 2],
    [502, 1],
  ])('the status of an answer that it still gives, %i, says whether to store it', async (status, stored) => {
    const { session, cookie } = await fixture.app.sessions.create({ data: { n: 1 } });
    await abandon('silent', cookie, (own, response) => {
      own.increment('n');
      void turns().then(() => response.status(status).send('late'));
    });
    await turns();
    await fixture.app.sessions.flush();
    expect((await fixture.app.sessions.find(session.id))?.get('n')).toBe(stored);
  });

  it('nothing is left of it: requests that are answered leave no listeners on their connection', async () => {
    const socket = await rawConnection(fixture.app.url);
    const ask = async (path: string): Promise<string> => {
      socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      return String((await once(socket, 'data'))[0]);
    };
    const before = await ask('/listeners');
    for (let count = 0; count < 20; count++) expect(await ask('/sent')).toContain('sent');
    expect((await ask('/listeners')).split('\r\n').at(-1)).toBe(before.split('\r\n').at(-1));
    socket.destroy();
  });
});

describe.each(PLATFORMS)('On %s, when the client has gone and nobody waits', (platform) => {
  const { fixture, abandon, told } = useApp(platform);

  it.each<[string, (session: Session) => void]>([
    ['at once', () => {}],
    ['behind another operation', (session) => void session.reload()],
    ['behind what follows on another', (session) => void session.regenerate().then(() => session.reload())],
  ])('what is saved %s is kept, and not told of as lost', async (_, before) => {
    const { session, cookie } = await fixture.app.sessions.create({ data: { n: 1 } });
    await abandon('silent', cookie, (own) => {
      before(own);
      own.increment('n');
      void own.save();
    });
    expect((await fixture.app.sessions.find(session.id))?.get('n')).toBe(2);
    expect(told()).toEqual([]);
  });
});
