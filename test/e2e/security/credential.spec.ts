import { All, BadRequestException, Controller, Get, Inject, Post, Redirect, Res } from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';
import { Session, SessionService } from 'nestjs-mikro-session';
import { useApp } from '../../support/app.js';
import type { Reply } from '../../support/client.js';
import { type PlatformResponse, PLATFORMS, rawOf } from '../../support/platform.js';
import { statements } from '../../support/statements.js';

@Controller()
class VisitorController {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}
  @All(['who', 'who/:rest']) who(@Session() session: Session): object {
    return { userId: session.userId, isNew: session.isNew };
  }
  @Post('write') write(@Session() session: Session): string {
    return session.set('a', 1).id;
  }
  @Post('login') async login(@Session() session: Session): Promise<Session> {
    await session.login('ada');
    return session;
  }
  @Post('regenerate') async regenerate(@Session() session: Session): Promise<object> {
    await session.regenerate();
    return { session };
  }
  /** As docs/service.md has it. */
  @Post('password') async changePassword(@Session() session: Session): Promise<void> {
    await session.login('ada', session.auth ?? undefined);
    await this.sessions.revokeAllForUser('ada', { except: session.id });
  }
  @Get('redirected') @Redirect('/who') redirected(@Session() session: Session): void {
    session.touch();
  }
  @Post('raw') raw(@Session() session: Session, @Res() response: PlatformResponse): void {
    session.set('b', 1);
    rawOf(response).end(JSON.stringify(session));
  }
  @Post('refused') async refused(@Session() session: Session): Promise<never> {
    await session.login('ada');
    throw new BadRequestException({ session });
  }
  @Post('failed') async failed(@Session() session: Session): Promise<never> {
    await session.login('ada');
    throw new Error(JSON.stringify(session));
  }
}

const NOBODY = { userId: null, isNew: true };

describe.each(PLATFORMS)('On %s, the credential of a session', (platform) => {
  const fixture = useApp({ platform, controllers: [VisitorController] });

  /** Signs a user in, and gives the value of the cookie. */
  const signIn = async (): Promise<string> => {
    const client = fixture.app.client();
    await client.post('/login');
    const value = (await client.cookie()).replace('session_id=', '');
    expect(value).toMatch(/^[\w-]{36}\.[\w-]{43}$/);
    return value;
  };
  const whoIs = async (value: string): Promise<unknown> =>
    (await fixture.app.client().get('/who', { cookie: `session_id=${value}` })).json;

  it.each<[string, (value: string) => Promise<Reply>]>([
    ['the query of the URL', (value) => fixture.app.client().get(`/who?session_id=${value}&sid=${value}`)],
    ['the path of the URL', (value) => fixture.app.client().get(`/who/${value}`)],
    ['a parameter in the path', (value) => fixture.app.client().get(`/who/x;session_id=${value}`)],
    ['a body', (value) => fixture.app.client().post('/who', { session_id: value })],
    ['Authorization', (value) => fixture.app.client().get('/who', { authorization: `Bearer ${value}` })],
    ['the header of the other transport', (value) => fixture.app.client().get('/who', { 'x-session-token': value })],
    ['a cookie of another name', (value) => fixture.app.client().get('/who', { cookie: `sid=${value}` })],
    [
      'a cookie of the name in other letters',
      (value) => fixture.app.client().get('/who', { cookie: `Session_Id=${value}` }),
    ],
  ])('is not taken from %s, which costs no query', async (_where, send) => {
    const value = await signIn();
    const count = await statements(fixture.app, async () => {
      expect(await send(value)).toMatchObject({ json: NOBODY, setCookies: [] });
    });
    expect(count).toBe(0);
    expect(await whoIs(value)).toEqual({ userId: 'ada', isNew: false });
  });

  it('goes to the client in Set-Cookie, and in no other part of a response', async () => {
    const client = fixture.app.client();
    const secrets = new Set<string>();
    const replies: Reply[] = [];
    for (const [method, path, status] of [
      ['POST', '/login', 201],
      ['POST', '/regenerate', 201],
      ['GET', '/redirected', 302],
      ['POST', '/raw', 201],
      ['POST', '/refused', 400],
      ['POST', '/failed', 500],
      ['GET', '/who', 200],
    ] as const) {
      const reply = await client.request(method, path);
      expect(reply.status).toBe(status);
      replies.push(reply);
      secrets.add((await client.cookie()).split('.')[1] as string);
    }
    // Two logins that fail afterwards, one that does not, and a rotation.
    expect(secrets.size).toBe(4);
    for (const reply of replies) {
      const headers = [...reply.headers].filter(([name]) => name !== 'set-cookie');
      const said = JSON.stringify([headers, reply.text]);
      for (const secret of secrets) expect(said).not.toContain(secret);
    }
  });

  it('is compared with the database in every request: one whose hash is another there is nobody’s', async () => {
    const value = await signIn();
    expect(await whoIs(value)).toEqual({ userId: 'ada', isNew: false });
    await fixture.database.query(`update sessions set secret_hash = sha256('another') where id = $1`, [
      value.slice(0, 36),
    ]);
    expect(await whoIs(value)).toEqual(NOBODY);
  });

  it('is dead at once after a change of the password, with whoever has stolen it, and so are those of all other devices', async () => {
    const other = await signIn();
    const desk = fixture.app.client();
    await desk.post('/login');
    const stolen = (await desk.cookie()).replace('session_id=', '');
    expect((await desk.post('/password')).status).toBe(201);
    expect([await whoIs(stolen), await whoIs(other)]).toEqual([NOBODY, NOBODY]);
    expect((await desk.get('/who')).json).toEqual({ userId: 'ada', isNew: false });
  });

  it('opens nothing with the id of one session and the secret of another', async () => {
    const [one, other] = [await signIn(), await signIn()];
    expect(await whoIs(one.slice(0, 36) + other.slice(36))).toEqual(NOBODY);
    expect(await whoIs(other.slice(0, 36) + one.slice(36))).toEqual(NOBODY);
  });

  it('is never the client’s to choose: a session that begins under an unknown one has another id and secret', async () => {
    const planted = `0199a1b2-c3d4-7e5f-8a6b-0123456789ab.${'A'.repeat(43)}`;
    const reply = await fixture.app.client().post('/write', undefined, { cookie: `session_id=${planted}` });
    const issued = /^session_id=([^;]+)/.exec(reply.setCookies[0] ?? '')?.[1] as string;
    expect(issued.slice(0, 36)).toBe(reply.text);
    expect(issued.slice(0, 36)).not.toBe(planted.slice(0, 36));
    expect(issued.slice(37)).not.toBe(planted.slice(37));
    expect(await whoIs(planted)).toEqual(NOBODY);
    expect(await fixture.app.sessions.find(planted.slice(0, 36))).toBeNull();
  });
});
