import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { UseGuards } from '@nestjs/common';
import {
  Field,
  GraphQLModule,
  Int,
  ObjectType,
  Parent,
  Query,
  ResolveField,
  Resolver,
  Subscription,
} from '@nestjs/graphql';
import { createClient } from 'graphql-ws';
import { Public, Session, SessionGuard } from 'nestjs-mikro-session';
import WebSocket from 'ws';
import { type AppFixture, useApp } from '../support/app.js';
import type { Client } from '../support/client.js';
import { inHandler, visit } from '../support/probe.js';

/** What an application publishes to one subscriber. As those of a broker do, it waits for the next until it is returned. */
class Events implements AsyncIterableIterator<object> {
  readonly #values: object[] = [];
  #isOver = false;
  #wake = (): void => {};
  readonly #ended = Promise.withResolvers<void>();
  /** Once the subscriber needs no more. */
  readonly ended = this.#ended.promise;

  publish(value: object): void {
    this.#values.push(value);
    this.#wake();
  }

  async next(): Promise<IteratorResult<object, undefined>> {
    while (this.#values.length === 0 && !this.#isOver) await new Promise<void>((resolve) => (this.#wake = resolve));
    const value = this.#values.shift();
    return value === undefined || this.#isOver ? { done: true, value: undefined } : { done: false, value };
  }

  async return(): Promise<IteratorResult<object, undefined>> {
    this.#isOver = true;
    this.#wake();
    this.#ended.resolve();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

let events = new Events();

@ObjectType()
class Message {
  @Field(() => Int) number!: number;
}

@Resolver(() => Message)
@UseGuards(SessionGuard)
class MessageResolver {
  @Query(() => String) me(@Session('userId') userId: string): string {
    return userId;
  }
  @Subscription(() => Int) guarded(): Events {
    return events;
  }
  @Public() @Subscription(() => Int) open(@Session() session: Session): Events {
    return session.isNew ? new Events() : events;
  }
  @Public() @Subscription(() => Message) messages(): Events {
    return events;
  }
  @ResolveField(() => Int) secret(@Parent() { number }: Message): number {
    return number;
  }
}

const clients: { dispose(): unknown }[] = [];

/** Over a socket of a visitor. */
function connect(fixture: AppFixture, cookie: string) {
  class WithCookie extends WebSocket {
    constructor(address: string, protocols: string[]) {
      super(address, protocols, { headers: { cookie } });
    }
  }
  const url = `${fixture.app.url.replace('http', 'ws')}/graphql`;
  const client = createClient({ url, webSocketImpl: WithCookie, retryAttempts: 0, lazy: false });
  clients.push(client);
  return {
    subscribe: (query: string) => {
      const results = client.iterate<Record<string, any>>({ query });
      return {
        /** What comes next: its data or its errors. */
        next: async () => (await results.next()).value as { data?: any; errors?: any } | undefined,
        leave: () => results.return?.(),
      };
    },
    one: async (query: string) => {
      for await (const result of client.iterate<Record<string, any>>({ query })) return result;
      return undefined;
    },
  };
}

/** A visitor who is signed in. */
async function signedIn(fixture: AppFixture): Promise<{ client: Client; id: string; cookie: string }> {
  const client = fixture.app.client();
  await visit(client, (session) => session.login('ada'));
  const id = await inHandler(client, (session) => session.id);
  return { client, id, cookie: await client.cookie() };
}

const apollo = (options: Partial<ApolloDriverConfig> = {}) =>
  GraphQLModule.forRoot<ApolloDriverConfig>({
    driver: ApolloDriver,
    autoSchemaFile: true,
    graphiql: false,
    subscriptions: { 'graphql-ws': true },
    ...options,
  });

beforeEach(() => {
  events = new Events();
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.dispose();
});

describe('A guarded GraphQL subscription', () => {
  const fixture = useApp({
    imports: [apollo({ fieldResolverEnhancers: ['guards'] })],
    providers: [MessageResolver],
    options: { queryTimeout: 500 },
  });

  it.each([
    ['it is revoked', ({ id }: { id: string }) => fixture.app.sessions.revoke(id)],
    ['its user signs out elsewhere', ({ client }: { client: Client }) => visit(client, (session) => session.logout())],
    ['the user signs in anew', ({ client }: { client: Client }) => visit(client, (session) => session.login('ada'))],
    [
      'it expires',
      ({ id }: { id: string }) =>
        fixture.database.query('update sessions set expires_at = clock_timestamp() where id = $1', [id]),
    ],
  ])('ends before the next event once %s, and with it the events of the application', async (_, end) => {
    const visitor = await signedIn(fixture);
    const subscription = connect(fixture, visitor.cookie).subscribe('subscription { guarded }');
    events.publish({ guarded: 1 });
    expect(await subscription.next()).toEqual({ data: { guarded: 1 } });
    await end(visitor as never);
    events.publish({ guarded: 2 });
    expect(await subscription.next()).toBeUndefined();
    await events.ended;
  });

  it('does not even send its first event to a visitor whose session ended before that', async () => {
    const { id, cookie } = await signedIn(fixture);
    const connection = connect(fixture, cookie);
    const subscription = connection.subscribe('subscription { guarded }');
    const first = subscription.next();
    // The server answers in order, so by then the other has begun.
    expect(await connection.one('{ me }')).toEqual({ data: { me: 'ada' } });
    await fixture.app.sessions.revoke(id);
    events.publish({ guarded: 1 });
    expect(await first).toBeUndefined();
  });

  it('goes on while the session only changes: by data, a renewal, another credential', async () => {
    const { client, cookie } = await signedIn(fixture);
    const subscription = connect(fixture, cookie).subscribe('subscription { guarded }');
    for (const change of [
      (session: Session) => session.set('n' as never, 1 as never),
      (session: Session) => session.touch(),
      (session: Session) => session.regenerate(),
    ]) {
      await visit(client, change);
      events.publish({ guarded: 1 });
      expect(await subscription.next()).toEqual({ data: { guarded: 1 } });
    }
  });

  it('sends nothing while the database does not answer, and ends with an error', async () => {
    const { cookie } = await signedIn(fixture);
    const subscription = connect(fixture, cookie).subscribe('subscription { guarded }');
    events.publish({ guarded: 1 });
    await subscription.next();
    const lock = await fixture.database.hold('lock table sessions in access exclusive mode');
    events.publish({ guarded: 2 });
    const next = subscription.next();
    try {
      await expect(next).rejects.toMatchObject([{ message: expect.stringContaining('unavailable') }]);
    } finally {
      await lock.release();
    }
    await events.ended;
  });

  it('is over for the application when its client leaves, without another event', async () => {
    const { cookie } = await signedIn(fixture);
    const subscription = connect(fixture, cookie).subscribe('subscription { guarded }');
    events.publish({ guarded: 1 });
    await subscription.next();
    await subscription.leave();
    expect(await events.ended).toBeUndefined();
  });

  it('is one, too, where only a field is guarded', async () => {
    const { id, cookie } = await signedIn(fixture);
    const subscription = connect(fixture, cookie).subscribe('subscription { messages { secret } }');
    events.publish({ messages: { number: 1 } });
    expect(await subscription.next()).toEqual({ data: { messages: { secret: 1 } } });
    await fixture.app.sessions.revoke(id);
    events.publish({ messages: { number: 2 } });
    expect(await subscription.next()).toBeUndefined();
  });

  it('is another’s affair where no guard has let the visitor in', async () => {
    const { id, cookie } = await signedIn(fixture);
    const subscription = connect(fixture, cookie).subscribe('subscription { open }');
    events.publish({ open: 1 });
    expect(await subscription.next()).toEqual({ data: { open: 1 } });
    await fixture.app.sessions.revoke(id);
    events.publish({ open: 2 });
    expect(await subscription.next()).toEqual({ data: { open: 2 } });
  });
});

describe('Operations over a socket that share one context', () => {
  const contexts = new WeakMap<object, object>();
  const fixture = useApp({
    imports: [
      apollo({
        // What Nest hands on as it is.
        context: ({ extra, req }: { extra?: { request: object }; req: object }) => {
          if (extra === undefined) return { req };
          const context = contexts.get(extra.request) ?? { req: { extra } };
          contexts.set(extra.request, context);
          return context;
        },
      }),
    ],
    providers: [MessageResolver],
  });

  it('each look the session up anew', async () => {
    const { id, cookie } = await signedIn(fixture);
    const connection = connect(fixture, cookie);
    for (let time = 0; time < 2; time++) expect(await connection.one('{ me }')).toEqual({ data: { me: 'ada' } });
    await fixture.app.sessions.revoke(id);
    const refused = { errors: [expect.objectContaining({ message: 'Sign in to go on.' })] };
    expect(await connection.one('{ me }')).toMatchObject(refused);
    expect(await connection.one('subscription { guarded }')).toMatchObject(refused);
  });
});
