import { describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import { Session, SkipSession } from 'nestjs-mikro-session';
import { statements } from '../../support/statements.js';
import { useApp } from '../../support/app.js';
import { inHandler, visit } from '../../support/probe.js';

@Controller()
class IdleController {
  @Get('health') health(): string {
    return 'ok';
  }
  @Get('read') read(@Session() session: Session): unknown {
    return session.get('anything') ?? 'nothing';
  }
  @Get('skipped') @SkipSession() skipped(): string {
    return 'ok';
  }
}

describe('Promise 10: nobody pays who does not use it', () => {
  const fixture = useApp({ controllers: [IdleController] });

  const sent = (during: () => Promise<unknown>) => statements(fixture.app, during);

  it.each(['/health', '/read', '/skipped'])(
    'sends no query, makes no row and sets no cookie for a new visitor of %s',
    async (path) => {
      const client = fixture.app.client();
      const before = await fixture.rows();
      expect(await sent(async () => expect((await client.get(path)).setCookies).toEqual([]))).toBe(0);
      expect(await fixture.rows()).toBe(before);
    },
  );

  it.each([
    'nonsense',
    '',
    '01a1f7a0-6333-70f7-a310-2add9e81f597',
    '01a1f7a0-6333-70f7-a310-2add9e81f597.short',
    `01A1F7A0-6333-70F7-A310-2ADD9E81F597.${'A'.repeat(43)}`,
    `01a1f7a0-6333-70f7-a310-2add9e81f597.${'A'.repeat(42)}B`,
    `01a1f7a0-6333-70f7-a310-2add9e81f597.${'A'.repeat(44)}`,
    `01a1f7a0-6333-70f7-a310-2add9e81f597.${'A'.repeat(8_000)}`,
    '%00',
    `' or 1=1 --`,
  ])('takes the malformed cookie %j for none: no query, no row, no cookie', async (value) => {
    const cookie = `session_id=${value}`;
    expect(
      await sent(async () => {
        const reply = await fixture.app.client().get('/read', { cookie });
        expect(reply).toMatchObject({ status: 200, text: 'nothing', setCookies: [] });
      }),
    ).toBe(0);
  });

  it('takes a well-formed cookie that nobody knows for an ordinary new visitor’s', async () => {
    const cookie = `session_id=01a1f7a0-6333-70f7-a310-2add9e81f597.${'A'.repeat(43)}`;
    const reply = await fixture.app.client().get('/read', { cookie });
    expect(reply).toMatchObject({ status: 200, text: 'nothing', setCookies: [] });
  });

  it('sends one query for a request that only reads', async () => {
    const client = fixture.app.client();
    await visit(client, (session) => session.set('a', 1));
    expect(await sent(() => client.get('/read'))).toBe(1);
  });

  it('sends no query on a route that skips sessions, and has none there', async () => {
    const client = fixture.app.client();
    const id = await inHandler(client, (session) => session.set('a', 1).id);
    await fixture.app.sessions.flush();
    const before = await fixture.row(id);
    expect(await sent(() => client.get('/skipped'))).toBe(0);
    await fixture.app.sessions.flush();
    expect(await fixture.row(id)).toEqual(before);
  });
});

describe('saveUninitialized', () => {
  const fixture = useApp({ options: { saveUninitialized: true }, controllers: [IdleController] });

  it('makes a row and sets a cookie for each visitor, and for each only once', async () => {
    const [one, two] = [fixture.app.client(), fixture.app.client()];
    for (const client of [one, two, one, two]) await client.get('/health');
    expect(await fixture.rows()).toBe(2);
    expect(await one.cookie()).not.toBe(await two.cookie());
  });

  it('makes none right after the session was ended, nor on a route that skips sessions', async () => {
    const client = fixture.app.client();
    await client.get('/health');
    const before = await fixture.rows();
    await visit(client, (session) => session.destroy());
    expect(await client.cookie()).toBe('');
    await client.get('/skipped');
    expect(await fixture.rows()).toBe(before - 1);
  });
});
