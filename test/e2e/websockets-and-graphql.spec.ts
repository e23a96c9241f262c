import { readFileSync } from 'node:fs';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { Inject, UseGuards } from '@nestjs/common';
import { Args, GraphQLModule, Int, Mutation, Query, Resolver } from '@nestjs/graphql';
import {
  MessageBody,
  type OnGatewayConnection,
  type OnGatewayInit,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
  type WsResponse,
} from '@nestjs/websockets';
import { describe, expect, it } from '@jest/globals';
import { Session, SessionGuard, SessionService } from 'nestjs-mikro-session';
import { io } from 'socket.io-client';
import { useApp } from '../support/app.js';
import { graphql } from '../support/graphql.js';
import { visit } from '../support/probe.js';

/** As far as it is used here; `socket.io` itself is a dependency of Nest's adapter. */
interface Server {
  in(room: string): { disconnectSockets(): void };
}
interface Socket {
  readonly conn: { close(): unknown };
  join(room: string): Promise<void> | void;
  disconnect(): void;
}

@WebSocketGateway()
class ChatGateway implements OnGatewayInit, OnGatewayConnection {
  @WebSocketServer() server!: Server;

  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  afterInit(): void {
    const over = ['revoked', 'destroyed', 'rotated', 'expired'];
    this.sessions.events.subscribe(({ type, sessionId }) => {
      if (over.includes(type)) this.server.in(sessionId).disconnectSockets();
    });
  }

  async handleConnection(client: Socket): Promise<void> {
    await this.check(client);
    // For ten seconds it may come with a cookie that was replaced, or have missed the end of its session just now.
    setTimeout(() => void this.check(client), 11_000).unref();
  }

  private async check(client: Socket): Promise<void> {
    // Nest awaits none of this: an error, as while the database does not answer, would end the process.
    const session = await this.sessions.of(client).catch(() => null);
    // Whose connection is lost connects anew by itself, and is asked for again; not so who is disconnected.
    if (session === null) client.conn.close();
    else if (session.isAuthenticated) await client.join(session.id);
    else client.disconnect();
  }
}

@WebSocketGateway()
class SayGateway {
  @SubscribeMessage('say')
  @UseGuards(SessionGuard)
  say(@Session() session: Session, @MessageBody() text: string): WsResponse<string> {
    session.increment('said');
    return { event: 'said', data: `${session.userId}: ${text}` };
  }
}

@Resolver()
class CartResolver {
  @Query(() => [String])
  @UseGuards(SessionGuard)
  cart(@Session('cart') cart: string[] = []): string[] {
    return cart;
  }

  @Mutation(() => Int)
  addToCart(@Session() session: Session, @Args('item') item: string): number {
    return session.push('cart', item);
  }
}

const bare = (code: string) => code.replaceAll(/\s+/g, ' ').replaceAll('export ', '').trim();

describe('The page on WebSockets and GraphQL', () => {
  const fixture = useApp({
    imports: [
      GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, autoSchemaFile: true, graphiql: false }),
    ],
    providers: [ChatGateway, SayGateway, CartResolver],
  });
  const signedIn = () => fixture.app.sessions.create({ userId: 'ada' });
  const connect = (cookie?: string, origin?: string) => {
    const extraHeaders = { ...(cookie && { cookie }), ...(origin && { origin }) };
    return io(fixture.app.url, { forceNew: true, reconnection: false, extraHeaders });
  };

  it('shows code that stands in a test', () => {
    const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');
    const tests = bare(
      ['./websockets-and-graphql.spec.ts', './ws.spec.ts', './graphql-fastify.spec.ts'].map(read).join(),
    );
    const blocks = [...read('../../docs/websockets-and-graphql.md').matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) =>
      bare(code as string),
    );
    expect(blocks.length).toBeGreaterThan(3);
    // The options for Apollo on Fastify cannot run here; that context is tested by itself.
    const [apollo, ...others] = blocks.toSorted((one) => (one.includes('ApolloDriverConfig') ? -1 : 1));
    expect(apollo).toContain('context: (req: unknown, res: unknown) => ({ req, res })');
    expect(tests).toContain('(req, res) => ({ req, res })');
    expect(others.filter((code) => !tests.includes(code.replace(/;$/, '')))).toEqual([]);
  });

  it('chats while the session lives', async () => {
    const { session, cookie } = await signedIn();
    const client = connect(cookie);
    client.emit('say', 'hello');
    const said = await new Promise((resolve) => client.once('said', resolve));
    expect(said).toBe('ada: hello');
    expect((await fixture.row(session.id))['data']).toEqual({ said: 1 });
    client.disconnect();
  });

  it.each<[string, (id: string, cookie: string) => unknown]>([
    ['is revoked', (id) => fixture.app.sessions.revoke(id)],
    ['is signed out', (_, cookie) => visit(fixture.app.client(), (session) => session.logout(), { cookie })],
    // Or who has stolen the cookie goes on listening after a change of the password.
    ['is signed in to anew', (_, cookie) => visit(fixture.app.client(), (session) => session.login('ada'), { cookie })],
    ['gets another cookie', (_, cookie) => visit(fixture.app.client(), (session) => session.regenerate(), { cookie })],
    [
      'has expired',
      async (id) => {
        await fixture.database.query('update sessions set expires_at = clock_timestamp() where id = $1', [id]);
        await fixture.app.sessions.purgeExpired();
      },
    ],
  ])('is disconnected, though it only listens, once its session %s', async (_, end) => {
    const { session, cookie } = await signedIn();
    const client = connect(cookie);
    client.emit('say', 'hello');
    await new Promise((resolve) => client.once('said', resolve));
    const disconnected = new Promise((resolve) => client.once('disconnect', resolve));
    await end(session.id, cookie);
    expect(await disconnected).toBe('io server disconnect');
  });

  it('is disconnected, too, where it came with a cookie that was replaced a moment ago', async () => {
    const { session, cookie } = await signedIn();
    await visit(fixture.app.client(), (own) => own.regenerate(), { cookie });
    const client = connect(cookie);
    // The grace period is over before the gateway looks again.
    client.emit('say', 'hello');
    await new Promise((resolve) => client.once('said', resolve));
    await fixture.database.query(`update sessions set rotated_at = rotated_at - interval '11 s' where id = $1`, [
      session.id,
    ]);
    expect(await new Promise((resolve) => client.once('disconnect', resolve))).toBe('io server disconnect');
  }, 20_000);

  it('disconnects who is not signed in', async () => {
    const client = connect();
    expect(await new Promise((resolve) => client.once('disconnect', resolve))).toBe('io server disconnect');
  });

  it('disconnects what a page of another origin has connected', async () => {
    const client = connect((await signedIn()).cookie, 'https://evil.test');
    expect(await new Promise((resolve) => client.once('disconnect', resolve))).toBe('io server disconnect');
  });

  it('has who comes while the database does not answer come again', async () => {
    const { cookie } = await signedIn();
    const lock = await fixture.database.hold('lock table sessions in access exclusive mode');
    const client = connect(cookie);
    client.io.reconnection(true);
    expect(await new Promise((resolve) => client.once('disconnect', resolve))).toBe('transport close');
    await lock.release();
    await new Promise<void>((resolve) => client.once('connect', resolve));
    client.emit('say', 'hello');
    expect(await new Promise((resolve) => client.once('said', resolve))).toBe('ada: hello');
    client.disconnect();
  });

  it('keeps a cart', async () => {
    const client = fixture.app.client();
    expect((await graphql(client, 'mutation { addToCart(item: "book") }')).data).toEqual({ addToCart: 1 });
    expect((await graphql(client, '{ cart }')).errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }]);
    const { cookie } = await signedIn();
    await graphql(client, 'mutation { addToCart(item: "pen") }', { cookie });
    expect((await graphql(client, '{ cart }', { cookie })).data).toEqual({ cart: ['pen'] });
  });
});
