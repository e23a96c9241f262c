import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { Controller, Get, Injectable, type InjectionToken, type Provider, Scope } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { GraphQLModule, Query, Resolver, Subscription } from '@nestjs/graphql';
import { WsAdapter } from '@nestjs/platform-ws';
import { SubscribeMessage, WebSocketGateway, type WsResponse } from '@nestjs/websockets';
import { describe, expect, it } from '@jest/globals';
import { createClient } from 'graphql-ws';
import { Public, rememberHandshakes, SessionGuard } from 'nestjs-mikro-session';
import WebSocket from 'ws';
import { type AppFixture, startApp, useApp } from '../support/app.js';
import { ask } from '../support/gateway.js';
import { graphql } from '../support/graphql.js';
import { connect } from '../support/ws-client.js';

@Injectable({ scope: Scope.REQUEST })
class RequestGuard extends SessionGuard {}
@Injectable({ scope: Scope.TRANSIENT })
class TransientGuard extends SessionGuard {}
@Injectable({ scope: Scope.REQUEST, durable: true })
class DurableGuard extends SessionGuard {}

@Controller()
class DeskController {
  @Get('closed') closed(): string {
    return 'done';
  }
  @Get('open') @Public() open(): string {
    return 'done';
  }
}

@WebSocketGateway()
class DeskGateway {
  @SubscribeMessage('closed') closed(): WsResponse<string> {
    return { event: 'answer', data: 'done' };
  }
  @SubscribeMessage('open') @Public() open(): WsResponse<string> {
    return { event: 'answer', data: 'done' };
  }
}

@Resolver()
class DeskResolver {
  @Query(() => String) closed(): string {
    return 'done';
  }
  @Query(() => String) @Public() open(): string {
    return 'done';
  }
  @Subscription(() => String) async *closedEvents(): AsyncGenerator<object> {
    yield { closedEvents: 'done' };
  }
  @Subscription(() => String) @Public() async *openEvents(): AsyncGenerator<object> {
    yield { openEvents: 'done' };
  }
}

/** What a visitor gets by each way but subscriptions: `null` is a refusal. */
async function answers(fixture: AppFixture, what: 'closed' | 'open', cookie = ''): Promise<unknown[]> {
  const client = fixture.app.client();
  const reply = await client.request('GET', `/${what}`, undefined, { cookie });
  const { data } = await graphql(client, `{ ${what} }`, { cookie });
  const socket = await connect(fixture.app.url, cookie);
  const message = await ask(socket, what);
  socket.close();
  return [reply.status === 200 ? reply.text : null, data?.[what] ?? null, typeof message === 'string' ? message : null];
}

/** The first event of a subscription. */
async function event(fixture: AppFixture, name: string, cookie = ''): Promise<unknown> {
  class WithCookie extends WebSocket {
    constructor(address: string, protocols: string[]) {
      super(address, protocols, { headers: { cookie } });
    }
  }
  const client = createClient({ url: `${fixture.app.url.replace('http', 'ws')}/graphql`, webSocketImpl: WithCookie });
  const { value } = await client.iterate({ query: `subscription { ${name} }` }).next();
  await client.dispose();
  return value?.data?.[name] ?? null;
}

const graphqlModule = () =>
  GraphQLModule.forRoot<ApolloDriverConfig>({
    driver: ApolloDriver,
    autoSchemaFile: true,
    graphiql: false,
    subscriptions: { 'graphql-ws': true },
  });

const NAMED = Symbol('a guard');
const aliasOf = (useExisting: InjectionToken): Provider =>
  ({ provide: APP_GUARD, useExisting, scope: Scope.REQUEST }) as Provider;
const NAMES: Provider[] = [RequestGuard, TransientGuard, SessionGuard, { provide: NAMED, useClass: RequestGuard }];

const DONE = ['done', 'done', 'done'];
const REFUSED = [null, null, null];

describe.each<[string, Provider]>([
  ['once', { provide: APP_GUARD, useClass: SessionGuard }],
  ['for each request, by its class', { provide: APP_GUARD, useClass: RequestGuard }],
  ['for each request, by its provider', { provide: APP_GUARD, useClass: SessionGuard, scope: Scope.REQUEST }],
  ['for each request, under another name', { provide: APP_GUARD, useExisting: RequestGuard }],
  ['for each that injects it', { provide: APP_GUARD, useClass: TransientGuard }],
  ['for each that injects it, under another name', { provide: APP_GUARD, useExisting: TransientGuard }],
  ['once, under another name for each request', aliasOf(SessionGuard)],
  ['for each request, under a name that is no class', aliasOf(NAMED)],
  ['for each tenant', { provide: APP_GUARD, useClass: DurableGuard }],
])('SessionGuard as APP_GUARD, made %s', (_often, guard) => {
  const fixture = useApp({
    imports: [graphqlModule()],
    controllers: [DeskController],
    providers: [DeskGateway, DeskResolver, ...NAMES, guard],
    prepare: (app) => app.useWebSocketAdapter(rememberHandshakes(new WsAdapter(app))),
  });
  // The adapter for gateways leaves no sockets to others.
  const withoutGateways = useApp({ imports: [graphqlModule()], providers: [DeskResolver, ...NAMES, guard] });

  it('stands before routes, queries and messages of gateways, but those with @Public()', async () => {
    const { cookie } = await fixture.app.sessions.create({ userId: 'ada' });
    expect(await answers(fixture, 'closed')).toEqual(REFUSED);
    expect(await answers(fixture, 'open')).toEqual(DONE);
    expect(await answers(fixture, 'closed', cookie)).toEqual(DONE);
  });

  it.each<[string, Provider]>([
    ['from a factory', { provide: 'desk', useFactory: () => new DeskResolver() }],
    ['as a value', { provide: 'desk', useValue: new DeskResolver() }],
    ['under another name', { provide: 'desk', useClass: DeskResolver }],
  ])('stands before queries of resolvers that come %s', async (_how, resolver) => {
    const providers = [resolver, ...NAMES, guard];
    const app = await startApp(withoutGateways.database, { imports: [graphqlModule()], providers });
    const { cookie } = await app.sessions.create({ userId: 'ada' });
    const ask = async (what: string, from = '') =>
      (await graphql(app.client(), `{ ${what} }`, { cookie: from })).data?.[what] ?? null;
    expect([await ask('closed'), await ask('open'), await ask('closed', cookie)]).toEqual([null, 'done', 'done']);
    await app.close();
  });

  it('stands before subscriptions, but those with @Public()', async () => {
    const { cookie } = await withoutGateways.app.sessions.create({ userId: 'ada' });
    expect(await event(withoutGateways, 'closedEvents')).toBe(null);
    expect(await event(withoutGateways, 'openEvents')).toBe('done');
    expect(await event(withoutGateways, 'closedEvents', cookie)).toBe('done');
  });
});
