import { describe, expect, it } from '@jest/globals';
import { Controller, Get, UseGuards } from '@nestjs/common';
import { Session, SessionGuard } from 'nestjs-mikro-session';
import type { Reply } from '../support/client.js';
import { type AppFixture, useApp } from '../support/app.js';
import { PLATFORMS } from '../support/platform.js';
import { signal, type Visit, visit } from '../support/probe.js';
import { statements } from '../support/statements.js';

@Controller()
class GuardedController {
  @Get('me') @UseGuards(SessionGuard) me(@Session('userId') userId: string): string {
    return userId;
  }
  @Get('none') none(): void {}
}

const HEADER = 'x-session-token';
const CREDENTIAL = /^[\da-f-]{36}\.[\w-]{43}$/;
const isEnded = (session: Session) => session.isNew;

/** Visits without cookies, with a credential in the header or with none. */
const by = (fixture: AppFixture, credential: string | null, handler: Visit) =>
  visit(fixture.app.client(), handler, credential === null ? {} : { [HEADER]: credential });
const given = (reply: Reply) => reply.headers.get(HEADER);
/** What a visitor gets who begins a session by writing to it. */
const begun = async (fixture: AppFixture) =>
  given(await by(fixture, null, (session) => session.set('cart', ['book']))) ?? 'none was given';

describe.each(PLATFORMS)('On %s, a session in a header', (platform) => {
  const fixture = useApp({ platform, options: { transport: 'header' }, controllers: [GuardedController] });

  it('begins with a credential in the response, which is for nobody’s cache, and sets no cookie', async () => {
    const reply = await by(fixture, null, (session) => session.set('a', 1));
    expect(given(reply)).toMatch(CREDENTIAL);
    expect(reply.headers.get('cache-control')).toBe('no-store');
    expect(reply.headers.get('vary')).toBe('X-Session-Token');
    expect(reply.setCookies).toEqual([]);
  });

  it('is saved before it is sent', async () => {
    const id = (await begun(fixture)).slice(0, 36);
    expect(await fixture.database.query('select data from sessions where id = $1', [id])).toEqual([
      { data: { cart: ['book'] } },
    ]);
  });

  it('is opened by that credential, and ordinary answers carry none', async () => {
    const credential = await begun(fixture);
    const reads = await by(fixture, credential, (session) => session.get('cart'));
    expect([reads.json, given(reads), reads.headers.get('cache-control')]).toEqual([['book'], null, null]);
    const writes = await by(fixture, credential, (session) => session.set('cart', []));
    expect([writes.status, given(writes)]).toEqual([200, null]);
  });

  it('gets a fresh credential at a login, and the old one is dead at once', async () => {
    const old = await begun(fixture);
    const fresh = given(await by(fixture, old, (session) => session.login('ada'))) as string;
    expect(fresh).toMatch(CREDENTIAL);
    expect(fresh).not.toBe(old);
    expect((await by(fixture, fresh, (session) => [session.userId, session.get('cart')])).json).toEqual([
      'ada',
      ['book'],
    ]);
    const late = await by(fixture, old, (session) => [session.userId, session.keys()]);
    expect([late.json, given(late)]).toEqual([[null, []], null]);
  });

  it('is regenerated for a short time of grace, in which the old credential brings no new one', async () => {
    const old = await begun(fixture);
    const fresh = given(await by(fixture, old, (session) => session.regenerate())) as string;
    const late = await by(fixture, old, async (session) => {
      await session.regenerate();
      return session.get('cart');
    });
    expect([late.json, given(late)]).toEqual([['book'], null]);
    expect((await by(fixture, fresh, (session) => session.get('cart'))).json).toEqual(['book']);
  });

  it.each<[string, Visit]>([
    ['logout()', (session) => session.logout()],
    ['destroy()', (session) => session.destroy()],
  ])('ends with an empty header by %s, and nothing else sends one', async (_what, end) => {
    const credential = await begun(fixture);
    const ended = await by(fixture, credential, end);
    expect([ended.status, given(ended), ended.headers.get('cache-control')]).toEqual([200, '', 'no-store']);
    const later = await by(fixture, credential, isEnded);
    expect([later.json, given(later)]).toEqual([true, null]);
    expect(given(await by(fixture, credential, end))).toBeNull();
    expect(given(await by(fixture, null, end))).toBeNull();
  });

  it('leaves the header out where the session was ended by somebody else meanwhile', async () => {
    const credential = await begun(fixture);
    const [inside, goOn] = [signal(), signal()];
    const slow = by(fixture, credential, async (session) => {
      inside.reach();
      await goOn.reached;
      session.set('late', true);
    });
    await inside.reached;
    const revoked = await fixture.app.sessions.revoke(credential.slice(0, 36)).finally(() => goOn.reach());
    expect(revoked).toBe(true);
    const reply = await slow;
    expect([reply.status, given(reply)]).toEqual([401, null]);
  });

  it('has one header at the end, whatever the handler did, and whatever it set itself', async () => {
    const reply = await by(fixture, await begun(fixture), async (session, _request, response) => {
      response.header('X-Session-Token', 'mine');
      await session.login('ada');
      await session.regenerate();
      await session.logout();
      session.flash('info', 'Bye.');
    });
    expect(given(reply)).toMatch(CREDENTIAL);
    expect((await by(fixture, given(reply), (session) => session.flashes('info'))).json).toEqual([
      { category: 'info', message: 'Bye.' },
    ]);
  });

  it('opens guarded routes', async () => {
    const { credential, cookie } = await fixture.app.sessions.create({ userId: 'ada' });
    expect(cookie).toBe('');
    const client = fixture.app.client();
    expect(await client.get('/me', { [HEADER]: credential })).toMatchObject({ status: 200, text: 'ada' });
    expect(await client.get('/me')).toMatchObject({ status: 401 });
  });

  it.each<[string, (credential: string) => Record<string, string>]>([
    ['no header', () => ({})],
    ['an empty header', () => ({ [HEADER]: '' })],
    ['a malformed one', (credential) => ({ [HEADER]: `${credential}x` })],
    ['a scheme before it', (credential) => ({ [HEADER]: `Bearer ${credential}` })],
    ['it twice, which tells not whose it is', (credential) => ({ [HEADER]: `${credential}, ${credential}` })],
    [
      'it in a cookie, as a page of another site could have it sent',
      (credential) => ({ cookie: `session_id=${credential}` }),
    ],
    ['it in Authorization', (credential) => ({ authorization: `Bearer ${credential}` })],
  ])('costs no query, and is nobody’s, with %s', async (_what, headers) => {
    const credential = await begun(fixture);
    await fixture.app.sessions.flush();
    let reply: Reply | undefined;
    const count = await statements(fixture.app, async () => {
      reply = await visit(fixture.app.client(), isEnded, headers(credential));
    });
    expect([reply?.json, count]).toEqual([true, 0]);
    expect(given(reply as Reply)).toBeNull();
  });

  it('is varied by only where it was looked at', async () => {
    const reply = await fixture.app.client().get('/none', { [HEADER]: await begun(fixture) });
    expect(reply.headers.get('vary')).toBeNull();
    const joined = await by(fixture, null, (_session, _request, response) => {
      response.header('Vary', 'Cookie, x-session-token-too');
    });
    expect(joined.headers.get('vary')).toBe('Cookie, x-session-token-too, X-Session-Token');
    const known = await by(fixture, null, (_session, _request, response) => {
      response.header('Vary', 'accept, x-session-token');
    });
    expect(known.headers.get('vary')).toBe('accept, x-session-token');
  });

  it('may go over plain HTTP without a warning about cookies', () => {
    expect(fixture.app.warnings).toEqual([]);
  });
});

describe.each(PLATFORMS)('On %s, the header', (platform) => {
  describe('under another name', () => {
    const fixture = useApp({ platform, options: { transport: 'header', header: { name: 'Shop-Session' } } });

    it('is used in both directions', async () => {
      const client = fixture.app.client();
      const born = await visit(client, (session) => session.login('ada'));
      const credential = born.headers.get('shop-session') as string;
      expect(born.headers.get('vary')).toBe('Shop-Session');
      const read = (name: string) => visit(client, (session) => session.userId ?? 'nobody', { [name]: credential });
      expect((await read('SHOP-SESSION')).text).toBe('ada');
      expect((await read(HEADER)).text).toBe('nobody');
    });
  });

  describe('where sessions travel in cookies', () => {
    const fixture = useApp({ platform });

    it('is neither read nor sent', async () => {
      const { credential } = await fixture.app.sessions.create({ userId: 'ada' });
      const reply = await by(fixture, credential, (session) => session.set('a', 1).userId ?? 'nobody');
      expect([reply.text, given(reply), reply.setCookies.length]).toEqual(['nobody', null, 1]);
    });
  });
});
