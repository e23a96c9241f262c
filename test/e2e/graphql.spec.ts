import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import {
  type CanActivate,
  type ExecutionContext,
  ForbiddenException,
  Inject,
  Injectable,
  UseGuards,
} from '@nestjs/common';
import { GqlExecutionContext, GraphQLModule, Query, Resolver } from '@nestjs/graphql';
import { describe, expect, it } from '@jest/globals';
import { createClient } from 'graphql-ws';
import { Session, SessionGoneError, SessionService } from 'nestjs-mikro-session';
import WebSocket from 'ws';
import { type AppFixture, useApp } from '../support/app.js';
import { graphql, GuardedResolver, inResolver, ItemResolver } from '../support/graphql.js';
import { signal } from '../support/probe.js';

@Injectable()
class CountingGuard implements CanActivate {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const session = await this.sessions.of(GqlExecutionContext.create(context));
    return session.increment('asked') <= 2;
  }
}

@Resolver()
class CountedResolver {
  @Query(() => Number) @UseGuards(CountingGuard) counted(@Session('asked') asked: number): number {
    return asked;
  }
}

const apollo = (options: Partial<ApolloDriverConfig> = {}) =>
  GraphQLModule.forRoot<ApolloDriverConfig>({
    driver: ApolloDriver,
    autoSchemaFile: true,
    graphiql: false,
    ...options,
  });

const signedIn = async (fixture: AppFixture, roles: string[] = []) => {
  const { session, cookie } = await fixture.app.sessions.create({ userId: 'ada', auth: { roles } });
  const ask = (query: string) => graphql(fixture.app.client(), query, { cookie });
  return { id: session.id, cookie, ask, data: async () => (await fixture.row(session.id))['data'] as unknown };
};

const unauthenticated = (message: string) => ({
  message,
  extensions: expect.objectContaining({ code: 'UNAUTHENTICATED' }),
});

describe('GraphQL with Apollo on Express', () => {
  const fixture = useApp({
    imports: [apollo({ subscriptions: { 'graphql-ws': true } })],
    providers: [ItemResolver, GuardedResolver, CountedResolver],
    options: { queryTimeout: 500 },
  });

  it('begins a session in a mutation, and has it in queries', async () => {
    const client = fixture.app.client();
    const login = inResolver((session) => session.login('ada'));
    expect((await graphql(client, `mutation { change(name: ${login}) }`)).setCookies).toHaveLength(1);
    const who = inResolver((session) => session.userId);
    const reply = await graphql(client, `{ me visit(name: ${who}) }`);
    expect(reply).toMatchObject({ data: { me: 'ada', visit: '"ada"' }, setCookies: [] });
    await graphql(client, `mutation { change(name: ${inResolver((session) => session.logout())}) }`);
    expect(await client.cookie()).toBe('');
  });

  it('costs nothing who came without a cookie, and gets none', async () => {
    const client = fixture.app.client();
    const rows = await fixture.rows();
    expect(await graphql(client, '{ items { number } open }')).toMatchObject({
      data: { open: 'open' },
      setCookies: [],
    });
    expect(await fixture.rows()).toBe(rows);
  });

  it('lets in with SessionGuard who is signed in; to everybody else it is UNAUTHENTICATED', async () => {
    const { ask } = await signedIn(fixture);
    expect((await ask('{ me }')).data).toEqual({ me: 'ada' });
    const reply = await graphql(fixture.app.client(), '{ me }');
    expect(reply).toMatchObject({ status: 200, data: null, errors: [unauthenticated('Sign in to go on.')] });
  });

  it('asks for roles with @Authorize(): FORBIDDEN without', async () => {
    const reader = await signedIn(fixture);
    const [error] = (await reader.ask('mutation { edit }')).errors ?? [];
    expect(error).toMatchObject({ message: 'You may not do this.', extensions: { code: 'FORBIDDEN' } });
    const editor = await signedIn(fixture, ['editor']);
    expect((await editor.ask('mutation { edit }')).data).toEqual({ edit: 'edited' });
  });

  it('gives all resolvers of a request, parallel ones included, the same session, loaded once', async () => {
    const { ask, id } = await signedIn(fixture);
    const loads: string[] = [];
    const subscription = fixture.app.sessions.events.subscribe(({ type }) => type === 'loaded' && loads.push(type));
    const seen = new Set<Session>();
    const see = inResolver((session) => {
      seen.add(session);
      session.increment('seen');
    });
    const reply = await ask(`{ a: visit(name: ${see}) b: visit(name: ${see}) me items { field(name: ${see}) } }`);
    subscription.unsubscribe();
    expect(reply.errors).toBeUndefined();
    expect([seen.size, loads]).toEqual([1, ['loaded']]);
    expect((await fixture.row(id))['data']).toEqual({ seen: 5 });
  });

  it('loads the session for a field where no resolver before it did', async () => {
    const { ask, data } = await signedIn(fixture);
    const field = inResolver((session) => session.increment('fields') && session.userId);
    expect((await ask(`{ skipped { field(name: ${field}) } }`)).data.skipped).toEqual(
      Array(3).fill({ field: '"ada"' }),
    );
    expect(await data()).toEqual({ fields: 3 });
  });

  it('stores what a mutation changed before the next one runs', async () => {
    const { ask, data } = await signedIn(fixture);
    let between: unknown;
    const first = inResolver((session) => void session.set('first', true));
    const second = inResolver(async () => void (between = await data()));
    await ask(`mutation { a: change(name: ${first}) b: change(name: ${second}) }`);
    expect(between).toEqual({ first: true });
  });

  it('stores what was changed before an HttpException below 500, and drops it before any other error', async () => {
    const { ask, data } = await signedIn(fixture);
    const failing = (key: string, error: Error) =>
      inResolver((session) => {
        session.set(key, true);
        throw error;
      });
    const refused = await ask(`mutation { change(name: ${failing('refused', new ForbiddenException('no'))}) }`);
    expect(refused).toMatchObject({ status: 200, errors: [{ message: 'no', extensions: { code: 'FORBIDDEN' } }] });
    const before = inResolver((session) => void session.set('before', true));
    const broken = failing('broken', new Error('broken'));
    await ask(`mutation { before: change(name: ${before}) broken: change(name: ${broken}) }`);
    expect(await data()).toEqual({ refused: true, before: true });
  });

  it('stores nothing of an Observable that gives a value and then fails', async () => {
    const { ask, data } = await signedIn(fixture);
    expect((await ask('mutation { failing }')).errors).toHaveLength(1);
    expect(await data()).toEqual({});
  });

  it('loses nothing of a resolver that succeeds when its neighbour fails', async () => {
    const { ask, data } = await signedIn(fixture);
    const changed = signal();
    const failing = signal();
    const good = inResolver(async (session) => {
      session.increment('good');
      changed.reach();
      await failing.reached;
      // By then the failure has been dealt with.
      await new Promise(setImmediate);
    });
    const bad = inResolver(async () => {
      await changed.reached;
      failing.reach();
      throw new Error('broken');
    });
    const reply = await ask(`{ good: visit(name: ${good}) bad: visit(name: ${bad}) }`);
    expect(reply.errors).toHaveLength(1);
    expect(await data()).toEqual({ good: 1 });
  });

  it('reports a commit that was refused as UNAUTHENTICATED, in place of the mutation’s result', async () => {
    const { ask, id } = await signedIn(fixture);
    const late = inResolver(async (session) => {
      session.set('late', true);
      await fixture.app.sessions.revoke(id);
    });
    const reply = await ask(`mutation { change(name: ${late}) }`);
    expect(reply).toMatchObject({ status: 200, data: null, errors: [unauthenticated(new SessionGoneError().message)] });
  });

  it('reports it so too where only a field’s resolver, without an interceptor, has written', async () => {
    const { ask, id } = await signedIn(fixture);
    const late = inResolver(async (session) => {
      session.set('late', true);
      await fixture.app.sessions.revoke(id);
    });
    const reply = await ask(`{ items { field(name: ${late}) } }`);
    expect(reply).toMatchObject({ status: 200, data: null, errors: [unauthenticated('Unauthorized')] });
  });

  it('reports that the store is out of reach, as 503, and recovers', async () => {
    const { ask } = await signedIn(fixture);
    const lock = await fixture.database.hold('lock table sessions in access exclusive mode');
    expect((await ask('{ me }')).errors).toMatchObject([{ extensions: { status: 503 } }]);
    await lock.release();
    expect((await ask('{ me }')).data).toEqual({ me: 'ada' });
  });

  it('counts a request as an access unless all it asks for has @SessionRenewal(false)', async () => {
    const { ask, id } = await signedIn(fixture);
    await fixture.database.query(`update sessions set expires_at = expires_at - interval '5 min' where id = $1`, [id]);
    const expiry = async () => {
      await fixture.app.sessions.flush();
      return ((await fixture.row(id))['expires_at'] as Date).getTime();
    };
    const before = await expiry();
    expect((await ask('{ poll }')).data).toEqual({ poll: 'ada' });
    expect(await expiry()).toBe(before);
    await ask('{ items { number } poll }');
    expect(await expiry()).toBeGreaterThan(before + 200_000);
  });

  it('shares the session with guards of the application’s own, by GqlExecutionContext', async () => {
    const { ask } = await signedIn(fixture);
    expect((await ask('{ counted }')).data).toEqual({ counted: 1 });
    expect((await ask('{ counted }')).data).toEqual({ counted: 2 });
    expect((await ask('{ counted }')).errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }]);
  });

  it('has none for resolvers with @SkipSession()', async () => {
    const { ask } = await signedIn(fixture);
    const [error] = (await ask('{ skippedSession }')).errors ?? [];
    expect(error.message).toMatch(/@Session\(\) in ItemResolver\.skippedSession\(\) has no session to give/);
  });

  describe('over a WebSocket', () => {
    const connected = (cookie: string) => {
      class WithCookie extends WebSocket {
        constructor(address: string, protocols: string[]) {
          super(address, protocols, { headers: { cookie } });
        }
      }
      const url = `${fixture.app.url.replace('http', 'ws')}/graphql`;
      const client = createClient({ url, webSocketImpl: WithCookie, retryAttempts: 0, lazy: false });
      const all = async (query: string) => {
        const results: Record<string, any>[] = [];
        for await (const result of client.iterate({ query })) results.push(result);
        return results;
      };
      return { all, one: async (query: string) => (await all(query))[0] ?? {}, close: () => client.dispose() };
    };

    it('looks up the session of the handshake for each operation anew, and stores what it changes', async () => {
      const { cookie, id, data } = await signedIn(fixture);
      const client = connected(cookie);
      expect(await client.one('{ me }')).toEqual({ data: { me: 'ada' } });
      await client.one(`mutation { change(name: ${inResolver((session) => void session.set('from', 'socket'))}) }`);
      expect(await data()).toEqual({ from: 'socket' });
      await fixture.app.sessions.revoke(id);
      expect((await client.one('{ me }'))['errors']).toMatchObject([{ message: 'Sign in to go on.' }]);
      await client.close();
    });

    it('has it when a subscription begins', async () => {
      const { cookie, id } = await signedIn(fixture);
      const client = connected(cookie);
      const numbers = [1, 2, 3].map((number) => ({ data: { numbers: number } }));
      expect(await client.all('subscription { numbers }')).toEqual(numbers);
      await fixture.app.sessions.revoke(id);
      const refused = await client.all('subscription { numbers }');
      expect(refused).toMatchObject([{ errors: [{ message: 'Sign in to go on.' }] }]);
      await client.close();
    });
  });
});

describe('GraphQL whose fields have guards and interceptors too', () => {
  const fixture = useApp({
    imports: [apollo({ fieldResolverEnhancers: ['guards', 'interceptors'] })],
    providers: [ItemResolver],
  });

  it('guards fields by themselves', async () => {
    const { ask } = await signedIn(fixture);
    expect((await ask('{ items { guarded } }')).data.items).toEqual(Array(3).fill({ guarded: 'ada' }));
    const reply = await graphql(fixture.app.client(), '{ items { guarded } }');
    expect(reply.errors).toHaveLength(3);
    expect(reply.errors?.[0]).toMatchObject(unauthenticated('Sign in to go on.'));
  });

  it('stores what parallel fields change, each before it answers', async () => {
    const { ask, data } = await signedIn(fixture);
    const field = inResolver((session) => session.increment('fields'));
    const reply = await ask(`{ items { field(name: ${field}) } }`);
    expect(reply.errors).toBeUndefined();
    expect(await data()).toEqual({ fields: 3 });
  });

  it('does not count what fields are asked for as an access', async () => {
    const { ask, id } = await signedIn(fixture);
    const expiry = async () => {
      await fixture.app.sessions.flush();
      return (await fixture.row(id))['expires_at'] as Date;
    };
    const before = await expiry();
    expect((await ask('{ polled { guarded } }')).data.polled).toHaveLength(3);
    expect(await expiry()).toEqual(before);
    await ask('{ items { guarded } }');
    expect(await expiry()).not.toEqual(before);
  });
});
