import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import * as crypto from 'node:crypto';
import net from 'node:net';
import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  Inject,
  Injectable,
  Post,
  Res,
  UseGuards,
} from '@nestjs/common';
import { Session, SessionConfigurationError, SessionGuard, SessionModule, SessionService } from 'nestjs-mikro-session';
import { startApp, useApp } from '../../support/app.js';
import type { Client, Reply } from '../../support/client.js';
import { createDatabase, type TestDatabase } from '../../support/database.js';
import { type PlatformResponse, PLATFORMS } from '../../support/platform.js';
import { inHandler, visit } from '../../support/probe.js';

@Injectable()
class LookingGuard implements CanActivate {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}
  async canActivate(context: ExecutionContext): Promise<boolean> {
    return (await this.sessions.of(context)).isNew;
  }
}

/** Each way in which an answer may depend on the session, and none in which it is changed. */
@Controller('looks')
class LookingController {
  @Get('has') has(@Session() session: Session): boolean {
    return session.has('cart');
  }
  @Get('in') in(@Session() session: Session): boolean {
    return 'cart' in session.data;
  }
  @Get('keys') keys(@Session() session: Session): number {
    return session.keys().length;
  }
  @Get('length') length(@Session('cart') cart: unknown[] = []): number {
    return cart.length;
  }
  @Get('new') new(@Session() session: Session): boolean {
    return session.isNew;
  }
  @Get('of') @UseGuards(LookingGuard) of(): string {
    return 'for new ones';
  }
  @Get('guarded') @UseGuards(SessionGuard) guarded(): string {
    return 'for those who are signed in';
  }
}

/** What a shared cache would be allowed to keep, but for the session. */
@Controller('public')
class PublicController {
  @Post('begin') begin(@Session() session: Session, @Res({ passthrough: true }) response: PlatformResponse): void {
    response.header('Cache-Control', 'public, max-age=600');
    session.set('visited', true);
  }
  @Post('touch') touch(@Session() session: Session, @Res({ passthrough: true }) response: PlatformResponse): void {
    response.header('Cache-Control', 'public, max-age=600');
    session.setTtl('1h');
  }
  @Get() page(@Res({ passthrough: true }) response: PlatformResponse): string {
    response.header('Cache-Control', 'public, max-age=600');
    return 'for all';
  }
}

const hashOf = (text: string): Buffer => crypto.createHash('sha256').update(text).digest();
const secretOf = (cookie: string): string => cookie.split('.')[1] as string;

describe.each(PLATFORMS)('On %s, the lesson of', (platform) => {
  const fixture = useApp({
    platform,
    controllers: [LookingController, PublicController],
    options: { cookie: { persistent: true }, idleTimeout: '30m', renewal: { flushEvery: 0, granularity: 0 } },
  });
  const newClient = (): Client => fixture.app.client();
  const whoIs = (cookie: string) => inHandler(newClient(), (session) => session.userId, { cookie });

  async function signedIn(): Promise<{ client: Client; cookie: string; id: string }> {
    const client = newClient();
    await visit(client, (session) => session.login('ada'));
    return { client, cookie: await client.cookie(), id: await inHandler(client, (session) => session.id) };
  }

  it('CVE-2024-38513 (Fiber): an id and a secret that a client has chosen name no session that begins', async () => {
    const chosen = `0199a1b2-c3d4-7e5f-8a6b-0123456789ab.${'A'.repeat(43)}`;
    const victim = newClient();
    for (const handler of [
      (session: Session) => session.set('cart', ['book']) && undefined,
      (session: Session) => session.login('ada'),
    ]) {
      await visit(victim, handler, { cookie: `session_id=${chosen}` });
      expect(await victim.cookie()).not.toContain(chosen.split('.')[0]);
      expect(secretOf(await victim.cookie())).not.toBe(secretOf(chosen));
    }
    expect(await inHandler(newClient(), (session) => session.isNew, { cookie: `session_id=${chosen}` })).toBe(true);
    expect(await fixture.database.query('select from sessions where id = $1', [chosen.split('.')[0]])).toEqual([]);
  });

  it('CVE-2022-25896 (passport), CVE-2023-29019 (@fastify/passport): a cookie planted before a login, or kept from before a logout, opens nothing after it', async () => {
    const attacker = newClient();
    await visit(attacker, (session) => session.set('cart', ['book']) && undefined);
    const planted = await attacker.cookie();
    const victim = newClient();
    await visit(victim, (session) => session.login('ada'), { cookie: planted });
    expect(await inHandler(victim, (session) => session.userId)).toBe('ada');
    expect(secretOf(await victim.cookie())).not.toBe(secretOf(planted));
    expect(await inHandler(attacker, (session) => [session.userId, session.isNew])).toEqual([null, true]);
    // Nor can it put anything into the session that has been logged in to.
    await visit(attacker, (session) => session.set('cart', ['planted']) && undefined, { cookie: planted });
    expect(await inHandler(victim, (session) => session.get('cart'))).toEqual(['book']);
    const kept = await victim.cookie();
    await visit(victim, (session) => session.logout());
    await visit(victim, (session) => session.login('grace'));
    expect(await whoIs(kept)).toBeNull();
  });

  it('@fastify/session #240: the old credential is dead after regenerate(), once requests under way have had their ten seconds', async () => {
    const { client, cookie, id } = await signedIn();
    await visit(client, (session) => session.regenerate());
    expect(await client.cookie()).not.toBe(cookie);
    await fixture.database.query(`update sessions set rotated_at = rotated_at - interval '10 s' where id = $1`, [id]);
    expect(await whoIs(cookie)).toBeNull();
    expect(await whoIs(await client.cookie())).toBe('ada');
    // A second one leaves nothing of the first.
    const second = await client.cookie();
    await visit(client, (session) => session.regenerate());
    expect(await whoIs(cookie)).toBeNull();
    expect(await whoIs(second)).toBe('ada');
  });

  it('CVE-2024-35220 (@fastify/session): the end of a session is what the store says, whatever age its cookie has', async () => {
    const { cookie, id } = await signedIn();
    await fixture.database.query(`update sessions set expires_at = clock_timestamp() where id = $1`, [id]);
    for (let time = 0; time < 2; time++) {
      const reply = await visit(newClient(), (session) => session.userId ?? 'nobody', { cookie });
      expect([reply.text, reply.setCookies]).toEqual(['nobody', []]);
    }
    await fixture.app.sessions.flush();
    expect(await fixture.row(id)).toMatchObject({ user_id: 'ada' });
    expect(await fixture.app.sessions.purgeExpired()).toBe(1);
    // And no request moves the end that the login has set.
    const other = await signedIn();
    await fixture.database.query(`update sessions set ends_at = clock_timestamp() + interval '1 min' where id = $1`, [
      other.id,
    ]);
    await visit(other.client, (session) => session.set('cart', []) && undefined);
    const { expires_at, ends_at } = await fixture.row(other.id);
    expect(expires_at).toEqual(ends_at);
  });

  it.each(['has', 'in', 'keys', 'length', 'new', 'of', 'guarded'])(
    'CVE-2026-27205 (Flask): an answer that depends on the session varies by cookie, with and without one: %s',
    async (route) => {
      const { cookie } = await signedIn();
      for (const headers of [{ cookie }, {}]) {
        const reply = await newClient().get(`/looks/${route}`, headers);
        expect(reply.headers.get('vary')?.toLowerCase().split(/, */)).toContain('cookie');
      }
    },
  );

  it('CVE-2023-30861 (Flask), CVE-2026-35192 (Django): no answer that a cache may share has a cookie, though each request renews its session', async () => {
    const client = newClient();
    const isShared = ({ headers }: Reply): boolean => /public|s-maxage/.test(headers.get('cache-control') ?? '');
    const varies = ({ headers }: Reply): boolean => /(^|, *)cookie/i.test(headers.get('vary') ?? '');
    const replies: Reply[] = [];
    for (const route of ['begin', 'touch', 'begin']) replies.push(await client.post(`/public/${route}`));
    expect(replies.map(({ setCookies }) => setCookies.length)).toEqual([1, 1, 0]);
    for (const reply of replies)
      expect([isShared(reply) && reply.setCookies.length > 0, varies(reply)]).toEqual([false, true]);
    const [{ at }] = (await fixture.database
      .query(`update sessions set last_access_at = last_access_at - interval '1 min',
      expires_at = expires_at - interval '1 min' returning expires_at as at`)) as [{ at: Date }];
    const page = await client.get('/public');
    await fixture.app.sessions.flush();
    const [{ now }] = (await fixture.database.query('select max(expires_at) as now from sessions')) as [{ now: Date }];
    expect(now.getTime()).toBeGreaterThan(at.getTime());
    expect([page.setCookies, isShared(page)]).toEqual([[], true]);
  });

  it('CVE-2024-47764 (cookie): nothing that a visitor says becomes an attribute of the cookie', async () => {
    const hostile = 'x; Domain=evil.example; Path=/\r\nSet-Cookie: a=b';
    const { setCookies, headers } = await visit(
      newClient(),
      (session) => session.set(hostile, hostile).login(hostile, { roles: [hostile] }),
      { cookie: `session_id=${hostile.replace(/\r\n.*/, '')}`, 'user-agent': 'x; Domain=evil.example' },
    );
    expect(setCookies).toEqual([
      expect.stringMatching(/^session_id=[\w-]{36}\.[\w-]{43}; Max-Age=\d+; Path=\/; HttpOnly; SameSite=Lax$/),
    ]);
    expect(JSON.stringify([...headers])).not.toContain('evil');
  });
});

describe('The lesson of', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createDatabase();
  });
  afterAll(() => database.drop());

  it.each([
    { name: 'session; Domain=evil.example' },
    { name: 'a=b' },
    { path: '/; Domain=evil.example' },
    { domain: 'example.com; Secure' },
    { name: 'sid\r\nSet-Cookie: a' },
  ])('CVE-2024-47764 (cookie): an option that would add attributes is an error at start: %j', async (cookie) => {
    const starting = async () => startApp(database, { session: SessionModule.forRoot({ cookie }) });
    await expect(starting()).rejects.toThrow(SessionConfigurationError);
  });

  it('CVE-2019-25025 (activerecord-session_store): the database is asked for a session by its id, and told nothing of the secret', async () => {
    const app = await startApp(database);
    const { session, cookie } = await app.sessions.create({ userId: 'ada' });
    const guess = `${cookie.slice(0, -3)}AAA`;
    const sent: Buffer[] = [];
    // oxlint-disable-next-line typescript/unbound-method -- called on what it is called on
    const write = net.Socket.prototype.write as (...args: unknown[]) => boolean;
    const spy = jest.spyOn(net.Socket.prototype, 'write').mockImplementation(function (
      this: net.Socket,
      ...args: unknown[]
    ) {
      if (this.remotePort === Number(new URL(database.url).port)) sent.push(Buffer.from(args[0] as Buffer));
      return write.apply(this, args);
    } as never);
    try {
      expect(await inHandler(app.client(), ({ userId }) => userId, { cookie })).toBe('ada');
      expect(await inHandler(app.client(), ({ userId }) => userId, { cookie: guess })).toBeNull();
    } finally {
      spy.mockRestore();
      await app.close();
    }
    const [row] = await database.query('select secret_hash from sessions where id = $1', [session.id]);
    expect(row?.['secret_hash']).toEqual(hashOf(secretOf(cookie)));
    const said = Buffer.concat(sent);
    expect(said.includes(session.id)).toBe(true);
    for (const secret of [cookie, guess].map(secretOf)) {
      const hash = hashOf(secret);
      const forms = [secret, Buffer.from(secret, 'base64url'), hash, hash.toString('hex'), hash.toString('base64')];
      expect(forms.map((form) => said.includes(form))).toEqual(forms.map(() => false));
    }
  });
});

describe('The comparison of secrets', () => {
  it('CVE-2019-25025 (activerecord-session_store): takes as long wherever they differ: each is compared by timingSafeEqual()', async () => {
    const compared: [Buffer, Buffer][] = [];
    jest.unstable_mockModule('node:crypto', () => ({
      ...crypto,
      timingSafeEqual: (a: Buffer, b: Buffer) => {
        compared.push([a, b]);
        return crypto.timingSafeEqual(a, b);
      },
    }));
    jest.resetModules();
    const { recognise } = await import('../../../lib/session/recognition.js');
    const [now, before, guess] = ['now', 'before', 'guess'].map(hashOf);
    const stored = {
      id: 'id',
      secretHash: now,
      previousSecretHash: before,
      rotatedAt: 1,
      readAt: 2,
      authenticatedAt: null,
    };
    const credential = { id: 'id', secretHash: guess };
    expect(recognise(credential as never, stored as never, 10_000)).toBe('unknown');
    expect(compared).toEqual([
      [guess, now],
      [guess, before],
    ]);
  });
});
