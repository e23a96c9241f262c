import { describe, expect, it } from '@jest/globals';
import { Controller, Post, Res } from '@nestjs/common';
import { Session, type SessionModuleOptions } from 'nestjs-mikro-session';
import { useApp } from '../support/app.js';
import type { Client } from '../support/client.js';
import { PLATFORMS, type PlatformResponse, rawOf } from '../support/platform.js';
import { visit } from '../support/probe.js';

/** In seconds: a busy machine answers late. */
const SLACK = 60;

describe.each(PLATFORMS)('A lifetime that is set once the session has begun, on %s', (platform) => {
  const fixture = useApp({ platform });
  const none = async (): Promise<void> => {};
  const anonymous = (client: Client) => visit(client, (session) => session.set('n', 1));

  /** In each, the request then begins a session. */
  const FROM: [string, (client: Client) => Promise<unknown>, (session: Session) => Promise<unknown>][] = [
    ['by a first visitor', none, none],
    [
      'by the bearer of a dead cookie',
      async (client) => {
        await anonymous(client);
        await fixture.app.sessions.revokeAll();
      },
      none,
    ],
    ['after a logout()', (client) => visit(client, (session) => session.login('bob')), (session) => session.logout()],
    ['after a destroy()', anonymous, (session) => session.destroy()],
    ['where the one before was revoked meanwhile', anonymous, () => fixture.app.sessions.revokeAll()],
  ];
  const BEGIN: [string, (session: Session) => Promise<unknown>][] = [
    ['login()', (session) => session.login('ada')],
    ['save()', (session) => session.set('n', 2).save()],
    [
      'save() and regenerate()',
      (session) =>
        session
          .set('n', 2)
          .save()
          .then(() => session.regenerate()),
    ],
  ];
  const CASES = FROM.flatMap(([from, before, first]) =>
    BEGIN.filter(([by]) => by === 'login()' || !from.includes('meanwhile')).map(
      ([by, begin]) => [by, from, before, first, begin] as const,
    ),
  );

  it.each(CASES)('by %s, %s, is that of its cookie, longer or shorter', async (_by, _from, before, first, begin) => {
    for (const [ttl, absolute] of [
      ['30d', '30d'],
      ['5m', '1h'],
    ] as const) {
      await fixture.app.sessions.revokeAll();
      const client = fixture.app.client();
      await before(client);
      const reply = await visit(client, async (session) => {
        await first(session);
        await begin(session);
        session.setTtl(ttl, { absolute });
      });
      expect(reply.setCookies).toHaveLength(1);
      const { created_at: createdAt, ends_at: endsAt } = await fixture.row();
      const seconds = (endsAt.getTime() - createdAt.getTime()) / 1_000;
      expect(seconds).toBe(absolute === '30d' ? 30 * 86_400 : 3_600);
      const maxAge = Number(/Max-Age=(\d+)/.exec(reply.setCookies[0] as string)?.[1]);
      expect(Math.abs(maxAge - seconds)).toBeLessThan(SLACK);
    }
  });
});

@Controller('late')
class LateController {
  @Post() late(@Session() session: Session, @Res() response: PlatformResponse & { hijack?(): void }): void {
    response.hijack?.();
    rawOf(response).write('a');
    session.setTtl('30d');
    rawOf(response).end('b');
  }
}

describe.each(
  PLATFORMS.flatMap((platform) => [
    [platform, 'cookie: { persistent: false }', { cookie: { persistent: false } }] as const,
    [platform, "transport: 'header'", { transport: 'header' }] as const,
  ]) satisfies (readonly [string, string, SessionModuleOptions])[],
)('A lifetime that is set after the first byte, on %s with %s', (platform, _how, options) => {
  const fixture = useApp({ platform, options, controllers: [LateController] });

  it('is stored, as the client keeps the credential without it', async () => {
    const { session, credential, cookie } = await fixture.app.sessions.create({ data: { n: 1 } });
    const headers: Record<string, string> = 'transport' in options ? { 'X-Session-Token': credential } : { cookie };
    expect((await fixture.app.client().post('/late', undefined, headers)).text).toBe('ab');
    expect((await fixture.row(session.id))['ttl']).toBe(String(30 * 86_400_000));
  });
});
