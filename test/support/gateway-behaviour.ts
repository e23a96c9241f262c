import { AsyncResource } from 'node:async_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { BadRequestException } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { WsException } from '@nestjs/websockets';
import { type Session, SessionGoneError, SessionModule } from 'nestjs-mikro-session';
import { concat, defer, filter, firstValueFrom, ignoreElements, of, Subject, take } from 'rxjs';
import { useApp } from './app.js';
import {
  ask,
  type GatewayClient,
  GuardedGateway,
  inMessage,
  InterceptedGateway,
  onConnection,
  tell,
  VisitGateway,
} from './gateway.js';
import { signal, visit } from './probe.js';

/** How a kind of socket is served and spoken to. */
export interface SocketKind {
  readonly prepare: (app: NestExpressApplication) => void;
  /** @param origin that of the page that connects, as its browser says; none unless given */
  readonly connect: (url: string, cookie?: string, origin?: string) => Promise<GatewayClient>;
}

const refused = (statusCode: number, message: string, pattern: string) => ({
  exception: { status: 'error', statusCode, message, cause: expect.objectContaining({ pattern }) },
});
const BROKEN = { exception: expect.objectContaining({ message: 'Internal server error' }) };

/** In milliseconds. */
const QUERY_TIMEOUT = 500;

/** What holds for the messages of every kind of socket. */
export function describeGateway(name: string, { prepare, connect }: SocketKind): void {
  describe(`A gateway on ${name}`, () => {
    const fixture = useApp({
      providers: [VisitGateway, GuardedGateway],
      prepare,
      options: { queryTimeout: QUERY_TIMEOUT },
    });
    const clients: GatewayClient[] = [];
    afterEach(() => {
      onConnection.handler = null;
      for (const client of clients.splice(0)) client.close();
    });
    const connected = async (cookie?: string) => {
      const client = await connect(fixture.app.url, cookie);
      clients.push(client);
      return client;
    };
    const signedIn = async (roles: string[] = []) => {
      const { session, cookie } = await fixture.app.sessions.create({ userId: 'ada', auth: { roles } });
      return { id: session.id, cookie, client: await connected(cookie) };
    };
    const data = async (id: string) => (await fixture.row(id))['data'] as unknown;

    it('gives a handler the session of the cookie that the handshake came with', async () => {
      const { client, id } = await signedIn();
      expect(await tell(client, (session) => [session.id, session.userId, session.isNew])).toEqual([id, 'ada', false]);
    });

    it('stores what a handler changed before its answer goes out', async () => {
      const { client, id } = await signedIn();
      await tell(client, (session) => void session.set('seen', 1).flash('info', 'hello'));
      expect(await data(id)).toMatchObject({ seen: 1 });
      expect(await tell(client, (session) => [session.get('seen'), session.flashes()])).toEqual([
        1,
        [{ category: 'info', message: 'hello' }],
      ]);
      expect(await tell(client, (session) => session.flashes())).toEqual([]);
    });

    it('shares what it stores with requests over HTTP, both ways', async () => {
      const { client, cookie } = await signedIn();
      await tell(client, (session) => void session.set('from', 'socket'));
      const reply = await visit(fixture.app.client(), (session) => session.pull('from'), { cookie });
      expect(reply.text).toBe('socket');
      expect(await tell(client, (session) => session.has('from'))).toBe(false);
    });

    it('lets in with SessionGuard who is signed in, and tells everybody else 401', async () => {
      const { client } = await signedIn();
      expect(await ask(client, 'me')).toBe('ada');
      const stranger = await connected();
      expect(await ask(stranger, 'me')).toEqual(refused(401, 'Sign in to go on.', 'me'));
      expect(await ask(stranger, 'open')).toBe('open');
    });

    it('asks for roles with @Authorize(), and tells who lacks them 403', async () => {
      const reader = await signedIn();
      expect(await ask(reader.client, 'edit')).toEqual(refused(403, 'You may not do this.', 'edit'));
      const editor = await signedIn(['editor']);
      expect(await ask(editor.client, 'edit')).toBe('edited');
    });

    it('shares the session with guards of the application’s own', async () => {
      const { client, id } = await signedIn();
      expect(await ask(client, 'counted')).toBe(1);
      expect(await ask(client, 'counted')).toBe(2);
      expect(await ask(client, 'counted')).toMatchObject({ exception: { message: 'Forbidden resource' } });
      expect(await data(id)).toEqual({ asked: 2 });
    });

    it('tells exception filters what stands behind a refusal', async () => {
      const stranger = await connected();
      expect(await ask(stranger, 'filtered')).toMatchObject({ exception: { message: 'UnauthorizedException' } });
      const { client } = await signedIn();
      const lock = await fixture.database.hold('lock table sessions in access exclusive mode');
      const unavailable = { exception: { message: 'SessionStoreUnavailableError' } };
      expect(await ask(client, 'filtered')).toMatchObject(unavailable);
      await lock.release();
    });

    it('notices at the next message that a session was revoked', async () => {
      const { client, id } = await signedIn();
      expect(await ask(client, 'me')).toBe('ada');
      await fixture.app.sessions.revoke(id);
      expect(await ask(client, 'me')).toEqual(refused(401, 'Sign in to go on.', 'me'));
      expect(await tell(client, (session) => [session.isNew, session.userId])).toEqual([true, null]);
    });

    it('ends a stream of values to who was let in once the session was revoked', async () => {
      const { client, id } = await signedIn();
      const values = new Subject<string>();
      const first = client.next();
      client.send(
        'watch',
        inMessage(() => values),
      );
      while (!values.observed) await new Promise(setImmediate);
      values.next('one');
      expect(await first).toBe('one');
      values.next('two');
      expect(await client.next()).toBe('two');
      await fixture.app.sessions.revoke(id);
      values.next('three');
      while (values.observed) await new Promise(setImmediate);
      expect(await ask(client, 'skipped')).toBe('skipped');
    });

    it('sends a stream that has not begun nothing once the session was revoked', async () => {
      const { client, id } = await signedIn();
      const values = new Subject<string>();
      client.send(
        'watch',
        inMessage(() => values),
      );
      while (!values.observed) await new Promise(setImmediate);
      await fixture.app.sessions.revoke(id);
      values.next('one');
      while (values.observed) await new Promise(setImmediate);
      expect(await ask(client, 'skipped')).toBe('skipped');
    });

    it('refuses a single value that comes long after the session was revoked', async () => {
      const { client, id } = await signedIn();
      const values = new Subject<string>();
      client.send(
        'watch',
        inMessage(() => values.pipe(take(1))),
      );
      while (!values.observed) await new Promise(setImmediate);
      await fixture.app.sessions.revoke(id);
      await delay(2 * QUERY_TIMEOUT);
      const answer = client.next();
      values.next('one');
      expect(await answer).toMatchObject({ exception: { statusCode: 401 } });
    });

    it('notices at the next message that a session has expired', async () => {
      const { client, id } = await signedIn();
      await fixture.database.query('update sessions set expires_at = clock_timestamp() where id = $1', [id]);
      expect(await ask(client, 'me')).toMatchObject({ exception: { statusCode: 401 } });
    });

    it('leaves a socket outside that connected before a login over HTTP', async () => {
      const browser = fixture.app.client();
      await visit(browser, (session) => session.set('anonymous', true));
      const client = await connected(await browser.cookie());
      expect(await tell(client, (session) => session.get('anonymous'))).toBe(true);
      await visit(browser, (session) => session.login('ada'));
      expect(await ask(client, 'me')).toMatchObject({ exception: { statusCode: 401 } });
      expect(await tell(client, (session) => session.get('anonymous') ?? null)).toBeNull();
      expect(await ask(await connected(await browser.cookie()), 'me')).toBe('ada');
    });

    it('serves a socket for the grace period, and no longer, after regenerate() over HTTP', async () => {
      const { client, id, cookie } = await signedIn();
      await visit(fixture.app.client(), (session) => session.regenerate(), { cookie });
      expect(await ask(client, 'me')).toBe('ada');
      await fixture.database.query(`update sessions set rotated_at = rotated_at - interval '11 s' where id = $1`, [id]);
      expect(await ask(client, 'me')).toMatchObject({ exception: { statusCode: 401 } });
    });

    it('merges what parallel messages of one client change, each with a session of its own', async () => {
      const { client, id } = await signedIn();
      const seen: Session[] = [];
      const both = signal();
      const meet = async (session: Session) => {
        seen.push(session);
        if (seen.length === 2) both.reach();
        await both.reached;
        session.increment('count');
      };
      await Promise.all([
        tell(client, async (session) => {
          await meet(session);
          session.set('a', 1);
        }),
        tell(client, async (session) => {
          await meet(session);
          session.set('b', 2);
        }),
      ]);
      expect(await data(id)).toEqual({ count: 2, a: 1, b: 2 });
      expect(seen[0]).not.toBe(seen[1]);
    });

    it('cannot begin, rotate or log in to a session, and says so', async () => {
      const expected = { code: 'ERR_SESSION_HEADERS_SENT', message: expect.stringContaining('A message on a socket') };
      const tried = async (socket: GatewayClient, attempt: (session: Session) => Promise<void>) => {
        let error: unknown;
        const answer: unknown = await tell(socket, (session) =>
          attempt(session).catch((thrown) => void (error = thrown)),
        );
        return [answer, error];
      };
      const stranger = await connected();
      expect(await tried(stranger, (session) => session.login('eve'))).toEqual([
        null,
        expect.objectContaining(expected),
      ]);
      // What could not be stored is still there to be stored.
      expect(await tried(stranger, (session) => session.set('a', 1).save())).toEqual([
        BROKEN,
        expect.objectContaining(expected),
      ]);
      expect(await tell(stranger, (session) => void session.set('a', 1))).toEqual(BROKEN);
      const { client } = await signedIn();
      for (const attempt of [(session: Session) => session.login('eve'), (session: Session) => session.regenerate()]) {
        expect(await tried(client, attempt)).toEqual([null, expect.objectContaining(expected)]);
      }
      expect(await ask(client, 'me')).toBe('ada');
    });

    it('can end a session, which is then gone for everybody', async () => {
      const { client, id, cookie } = await signedIn();
      expect(await tell(client, (session) => session.logout().then(() => session.isDestroyed))).toBe(true);
      expect(await fixture.database.query('select from sessions where id = $1', [id])).toEqual([]);
      expect(await ask(client, 'me')).toMatchObject({ exception: { statusCode: 401 } });
      const reply = await visit(fixture.app.client(), (session) => session.isNew, { cookie });
      expect([reply.text, reply.setCookies]).toEqual(['true', []]);
    });

    it('refuses to store in a session that was revoked meanwhile', async () => {
      const { client, id } = await signedIn();
      const answer = await tell(client, async (session) => {
        session.set('late', true);
        await fixture.app.sessions.revoke(id);
      });
      expect(answer).toEqual(refused(401, new SessionGoneError().message, 'visit'));
    });

    it('counts a message as an access, unless @SessionRenewal(false) says otherwise', async () => {
      const { client, id } = await signedIn();
      await fixture.database.query(`update sessions set expires_at = expires_at - interval '5 min' where id = $1`, [
        id,
      ]);
      const expiry = async () => {
        await fixture.app.sessions.flush();
        return ((await fixture.row(id))['expires_at'] as Date).getTime();
      };
      const before = await expiry();
      expect(await ask(client, 'poll')).toBe('ada');
      expect(await expiry()).toBe(before);
      await ask(client, 'me');
      expect(await expiry()).toBeGreaterThan(before + 200_000);
    });

    it('stores what was changed before a WsException or an HttpException below 500, and drops it before any other error', async () => {
      const { client, id } = await signedIn();
      const failing = (key: string, error: Error) => (session: Session) => {
        session.set(key, true);
        throw error;
      };
      expect(await tell(client, failing('ws', new WsException('no')))).toMatchObject({ exception: { message: 'no' } });
      expect(await tell(client, failing('http', new BadRequestException()))).toEqual(BROKEN);
      expect(await tell(client, failing('other', new Error('broken')))).toEqual(BROKEN);
      expect(await data(id)).toEqual({ ws: true, http: true });
    });

    it('stores before each value of an observable, and after the last', async () => {
      const { client, id } = await signedIn();
      const values = new Subject<string>();
      const subscribed = signal();
      let session: Session | undefined;
      const first = tell(client, (found) => {
        session = found;
        subscribed.reach();
        return values;
      });
      await subscribed.reached;
      await new Promise(setImmediate);
      session?.set('step', 1);
      values.next('one');
      expect(await first).toBe('one');
      expect(await data(id)).toEqual({ step: 1 });
      const second = client.next();
      session?.set('step', 2);
      values.next('two');
      expect(await second).toBe('two');
      expect(await data(id)).toEqual({ step: 2 });
      session?.set('step', 3);
      values.complete();
      while (((await data(id)) as { step: number }).step !== 3) await delay(5);
    });

    it('tells of a commit that was refused after the last value', async () => {
      const { client, id } = await signedIn();
      const answer = await tell(client, (session) => {
        const end = async () => {
          session.set('late', true);
          await fixture.app.sessions.revoke(id);
        };
        return concat(of('only'), defer(end).pipe(ignoreElements()));
      });
      expect(answer).toBe('only');
      expect(await client.next()).toMatchObject({ exception: { statusCode: 401 } });
    });

    it('stores what a handler changes whose client has left meanwhile', async () => {
      const { client, id } = await signedIn();
      const begun = signal();
      const gone = signal();
      client.send(
        'visit',
        inMessage(async (session, socket) => {
          socket.once(socket.handshake === undefined ? 'close' : 'disconnect', () => gone.reach());
          begun.reach();
          await gone.reached;
          session.set('seen', 'after the end');
        }),
      );
      await begun.reached;
      client.close();
      while (JSON.stringify(await data(id)) === '{}') await delay(5);
      expect(await data(id)).toEqual({ seen: 'after the end' });
    });

    it('answers 503 while the store is out of reach, and recovers', async () => {
      const { client } = await signedIn();
      const lock = await fixture.database.hold('lock table sessions in access exclusive mode');
      expect(await ask(client, 'me')).toMatchObject({ exception: { statusCode: 503 } });
      await lock.release();
      expect(await ask(client, 'me')).toBe('ada');
    });

    it('gives the service the session of the running message by its client, and of no message that is over', async () => {
      const { sessions } = fixture.app;
      const { client } = await signedIn();
      let later: (() => Promise<Session>) | undefined;
      let first: Session | undefined;
      const same = await tell(client, async (session, socket) => {
        first = session;
        // As a timer would that the handler has started.
        later = AsyncResource.bind(() => sessions.of(socket));
        return (await sessions.of(socket)) === session;
      });
      expect(same).toBe(true);
      const again = await later?.();
      expect([again === first, again?.userId]).toEqual([false, 'ada']);
      await sessions.revokeAllForUser('ada');
      expect((await later?.())?.isAuthenticated).toBe(false);
    });

    it('gives the service the session of a client that has just connected', async () => {
      const connection = new Promise((resolve) => (onConnection.handler = resolve));
      await signedIn();
      expect((await fixture.app.sessions.of((await connection) as object)).userId).toBe('ada');
    });

    it('leaves no session on the request of the handshake', async () => {
      const { client } = await signedIn();
      expect(await tell(client, (_, socket) => socket.request?.session ?? null)).toBeNull();
    });

    it('has none for messages with @SkipSession()', async () => {
      const { client, id } = await signedIn();
      const loaded = firstValueFrom(
        fixture.app.sessions.events.pipe(
          filter(({ type }) => type === 'loaded'),
          take(1),
        ),
      );
      expect(await ask(client, 'skipped')).toBe('skipped');
      expect(await ask(client, 'skipped-session')).toEqual(BROKEN);
      await ask(client, 'me');
      expect(await loaded).toMatchObject({ sessionId: id });
    });
  });

  describe(`A gateway on ${name}, with \`interceptor: false\` and an interceptor of its own`, () => {
    const session = SessionModule.forRoot({ ensureSchema: true, interceptor: false });
    const fixture = useApp({ providers: [InterceptedGateway], prepare, session });

    it('has sessions all the same', async () => {
      const { session: stored, cookie } = await fixture.app.sessions.create({ userId: 'ada' });
      const client = await connect(fixture.app.url, cookie);
      expect(await tell(client, (found) => found.set('seen', 1).userId)).toBe('ada');
      expect((await fixture.row(stored.id))['data']).toEqual({ seen: 1 });
      expect(await ask(client, 'me')).toBe('ada');
      client.close();
    });
  });

  describe(`A gateway on ${name}, with saveUninitialized`, () => {
    const fixture = useApp({ providers: [VisitGateway], prepare, options: { saveUninitialized: true } });

    it('still serves clients that came without a session', async () => {
      const client = await connect(fixture.app.url);
      expect(await tell(client, (session) => session.isNew)).toBe(true);
      expect(await fixture.rows()).toBe(0);
      client.close();
    });
  });
}
