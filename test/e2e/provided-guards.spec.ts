import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { type Provider, type Type, UseGuards } from '@nestjs/common';
import { GraphQLModule, Query, Resolver } from '@nestjs/graphql';
import { WsAdapter } from '@nestjs/platform-ws';
import { SubscribeMessage, WebSocketGateway, type WsResponse } from '@nestjs/websockets';
import { describe, expect, it } from '@jest/globals';
import { Authorize, Public, rememberHandshakes, SessionGuard } from 'nestjs-mikro-session';
import { useApp } from '../support/app.js';
import { ask } from '../support/gateway.js';
import { graphql } from '../support/graphql.js';
import { connect } from '../support/ws-client.js';

@Resolver()
class BooksResolver {
  @Query(() => String) @Authorize({ roles: ['admin'] }) authorized(): string {
    return 'done';
  }
  @Query(() => String) @UseGuards(SessionGuard) guarded(): string {
    return 'done';
  }
}

@Resolver()
@Authorize({ roles: ['admin'] })
class ShelvesResolver {
  @Query(() => String) inherited(): string {
    return 'done';
  }
  @Query(() => String) @Public() open(): string {
    return 'done';
  }
}

const graphqlModule = () =>
  GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, autoSchemaFile: true, graphiql: false });

const CLASSES: readonly Type[] = [BooksResolver, ShelvesResolver];
const FORBIDDEN = { authorized: null, guarded: 'done', inherited: null, open: 'done' };

describe.each<[string, (type: Type) => Provider]>([
  ['their classes', (type) => type],
  ['their classes, under another name', (type) => ({ provide: `${type.name} by name`, useClass: type })],
  ['factories', (type) => ({ provide: type, useFactory: () => new type() as unknown })],
  [
    'factories, under another name',
    (type) => ({ provide: `${type.name} by name`, useFactory: () => new type() as unknown }),
  ],
  ['values', (type) => ({ provide: `${type.name} by name`, useValue: new type() as unknown })],
])('Resolvers that are made of %s', (_what, provider) => {
  const fixture = useApp({ imports: [graphqlModule()], providers: CLASSES.map(provider) });

  it.each([
    ['nobody', null, { ...FORBIDDEN, guarded: null }],
    ['a clerk', ['clerk'], FORBIDDEN],
    ['an admin', ['admin'], { authorized: 'done', guarded: 'done', inherited: 'done', open: 'done' }],
  ])('let in %s as their decorators say', async (_who, roles, expected) => {
    const cookie = roles === null ? '' : (await fixture.app.sessions.create({ userId: 'ada', auth: { roles } })).cookie;
    const answers: Record<string, unknown> = {};
    for (const name of Object.keys(expected)) {
      answers[name] = (await graphql(fixture.app.client(), `{ ${name} }`, { cookie })).data?.[name] ?? null;
    }
    expect(answers).toEqual(expected);
  });
});

@WebSocketGateway()
class BooksGateway {
  @SubscribeMessage('guarded') @UseGuards(SessionGuard) guarded(): WsResponse<string> {
    return { event: 'answer', data: 'done' };
  }
}

describe('A gateway that is provided under another name', () => {
  const fixture = useApp({
    providers: [{ provide: 'books', useClass: BooksGateway }],
    prepare: (app) => app.useWebSocketAdapter(rememberHandshakes(new WsAdapter(app))),
  });

  it('lets in whom its decorators let in', async () => {
    const { cookie } = await fixture.app.sessions.create({ userId: 'ada' });
    for (const [visitor, expected] of [
      ['', { exception: expect.objectContaining({ statusCode: 401 }) }],
      [cookie, 'done'],
    ] as const) {
      const client = await connect(fixture.app.url, visitor);
      expect(await ask(client, 'guarded')).toEqual(expected);
      client.close();
    }
  });
});
