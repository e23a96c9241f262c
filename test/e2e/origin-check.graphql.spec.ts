import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { GraphQLModule } from '@nestjs/graphql';
import { describe, expect, it } from '@jest/globals';
import { createClient } from 'graphql-ws';
import { SessionOriginError } from 'nestjs-mikro-session';
import WebSocket from 'ws';
import { type AppFixture, useApp } from '../support/app.js';
import { graphql, inResolver, ItemResolver } from '../support/graphql.js';

const EVIL = 'https://evil.test';
const REFUSED = { message: new SessionOriginError(EVIL).message, extensions: { code: 'FORBIDDEN' } };

const imports = [
  GraphQLModule.forRoot<ApolloDriverConfig>({
    driver: ApolloDriver,
    autoSchemaFile: true,
    graphiql: false,
    subscriptions: { 'graphql-ws': true },
  }),
];
const signedIn = async ({ app }: AppFixture) => (await app.sessions.create({ userId: 'ada' })).cookie;

describe('GraphQL over HTTP, with originCheck', () => {
  const fixture = useApp({ imports, providers: [ItemResolver], options: { originCheck: true } });

  it('refuses what a page of another site posts, and signs nobody in', async () => {
    const login = `mutation { change(name: ${inResolver((session) => session.login('eve'))}) }`;
    const reply = await graphql(fixture.app.client(), login, { origin: EVIL });
    expect(reply).toMatchObject({ data: null, errors: [REFUSED], setCookies: [] });
    expect((await graphql(fixture.app.client(), login, { origin: fixture.app.url })).setCookies).toHaveLength(1);
  });

  it('answers such a page what needs no session', async () => {
    const { data } = await graphql(fixture.app.client(), '{ skipped { number } }', { origin: EVIL });
    expect(data.skipped).toHaveLength(3);
  });
});

describe('GraphQL over a WebSocket', () => {
  const fixture = useApp({ imports, providers: [ItemResolver] });

  /** What an operation comes to that a page of an origin sends, with the visitor's cookie. */
  const resultOf = async (query: string, origin: string) => {
    const cookie = await signedIn(fixture);
    class Browser extends WebSocket {
      constructor(address: string, protocols: string[]) {
        super(address, protocols, { headers: { cookie, origin } });
      }
    }
    const url = `${fixture.app.url.replace('http', 'ws')}/graphql`;
    const client = createClient({ url, webSocketImpl: Browser, retryAttempts: 0 });
    try {
      for await (const result of client.iterate({ query })) return result;
      return null;
    } finally {
      await client.dispose();
    }
  };

  it.each(['{ me }', 'subscription { numbers }'])('refuses a page of another origin: %s', async (query) => {
    expect(await resultOf(query, EVIL)).toMatchObject({ errors: [{ message: REFUSED.message }] });
    expect(await resultOf(query, fixture.app.url)).not.toHaveProperty('errors');
  });
});
