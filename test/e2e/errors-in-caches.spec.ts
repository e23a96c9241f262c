import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Header, Inject, Param, Res } from '@nestjs/common';
import { Session, SessionService } from 'nestjs-mikro-session';
import { useApp } from '../support/app.js';
import { PLATFORMS, type PlatformResponse } from '../support/platform.js';

/** What has caches keep the answer, and proxies give a file instead. */
const ORDERS = ['x-accel-expires', 'edge-control', 'x-accel-redirect', 'x-sendfile'];
const PUBLIC = 'public, max-age=600';

@Controller()
class PageController {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  @Get('page/:what')
  @Header('Cache-Control', PUBLIC)
  @Header('Expires', 'Fri, 01 Jan 2100 00:00:00 GMT')
  @Header('CDN-Cache-Control', 'max-age=600')
  @Header('X-Accel-Expires', '600')
  @Header('Edge-Control', 'max-age=600')
  @Header('X-Accel-Redirect', '/files/secret.pdf')
  @Header('X-Sendfile', '/files/secret.pdf')
  page(@Session() session: Session, @Param('what') what: string): Promise<string> {
    return this.#answer(session, what);
  }

  @Get('own/:what')
  async own(
    @Session() session: Session,
    @Param('what') what: string,
    @Res() response: PlatformResponse,
  ): Promise<void> {
    const text = await this.#answer(session, what);
    void response.header('Cache-Control', PUBLIC);
    void response.header('X-Accel-Expires', '600');
    void response.header('X-Accel-Redirect', '/files/secret.pdf');
    response.send(text);
  }

  /** What changes a session that has ended meanwhile is refused when the answer goes out; `update()` at once. */
  async #answer(session: Session, what: string): Promise<string> {
    if (what === 'fine') return 'page';
    await this.sessions.revoke(session.id);
    if (what === 'late') session.increment('views');
    else await session.update(() => {});
    return 'page';
  }
}

describe.each(PLATFORMS)('On %s, an error of the session in place of a page that caches may keep', (platform) => {
  const fixture = useApp({ platform, controllers: [PageController] });

  it.each(['/page/late', '/page/early', '/own/late', '/own/early'])('is kept by none: %s', async (path) => {
    const { cookie } = await fixture.app.sessions.create({ userId: 'ada' });
    const { status, headers } = await fixture.app.client().get(path, { cookie });
    expect([status, headers.get('cache-control')]).toEqual([401, 'no-store']);
    expect([headers.get('expires'), headers.get('cdn-cache-control')]).toEqual([null, null]);
    expect(ORDERS.filter((name) => headers.has(name))).toEqual([]);
  });

  it.each(['/page/fine', '/own/fine'])('leaves the page itself as it says: %s', async (path) => {
    const { cookie } = await fixture.app.sessions.create({ userId: 'ada' });
    const { status, headers } = await fixture.app.client().get(path, { cookie });
    expect([status, headers.get('cache-control')]).toEqual([200, PUBLIC]);
    expect([headers.get('x-accel-redirect'), headers.get('x-accel-expires')]).toEqual(['/files/secret.pdf', '600']);
  });
});
