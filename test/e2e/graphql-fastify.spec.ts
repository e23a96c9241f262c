import { AbstractGraphQLDriver, GraphQLModule, type GqlModuleOptions } from '@nestjs/graphql';
import { describe, expect, it } from '@jest/globals';
import { graphql as execute, type GraphQLSchema } from 'graphql';
import { useApp } from '../support/app.js';
import type { Client } from '../support/client.js';
import { graphql, GuardedResolver, inResolver, ItemResolver } from '../support/graphql.js';

interface Options extends GqlModuleOptions {
  readonly schema?: GraphQLSchema;
  /** The context as a server makes it for a request and its reply. */
  readonly contextOf?: (request: object, reply: object, app: object) => object | undefined;
}

/** The least that serves GraphQL on Fastify; what matters is the context. */
class FastifyDriver extends AbstractGraphQLDriver<Options> {
  async start({ schema, contextOf }: Options): Promise<void> {
    const app = this.httpAdapterHost.httpAdapter.getInstance();
    app.post('/graphql', (request: { body: { query: string } }, reply: object) =>
      execute({
        schema: schema as GraphQLSchema,
        source: request.body.query,
        contextValue: contextOf?.(request, reply, app),
      }),
    );
  }
  async stop(): Promise<void> {}
}

function describeContext(name: string, contextOf: Options['contextOf'], behaves: (client: () => Client) => void): void {
  describe(`GraphQL on Fastify, with ${name}`, () => {
    const fixture = useApp({
      platform: 'Fastify',
      imports: [
        GraphQLModule.forRoot<Options>({
          driver: FastifyDriver,
          autoSchemaFile: true,
          ...(contextOf && { contextOf }),
        }),
      ],
      providers: [ItemResolver, GuardedResolver],
    });
    behaves(() => fixture.app.client());

    it('answers a query that needs no session', async () => {
      expect((await graphql(fixture.app.client(), '{ open items { number } }')).data.open).toBe('open');
    });
  });
}

function hasSessions(newClient: () => Client): void {
  it('loads the session for a field where no resolver before it did', async () => {
    const client = newClient();
    await graphql(client, `mutation { change(name: ${inResolver((session) => session.login('ada'))}) }`);
    const field = inResolver((session) => session.userId);
    expect((await graphql(client, `{ skipped { field(name: ${field}) } }`)).data.skipped[0]).toEqual({
      field: '"ada"',
    });
  });

  it('begins, changes and ends a session', async () => {
    const client = newClient();
    await graphql(client, `mutation { change(name: ${inResolver((session) => session.login('ada'))}) }`);
    const change = inResolver((session) => session.increment('count'));
    expect((await graphql(client, `mutation { a: change(name: ${change}) b: change(name: ${change}) }`)).data).toEqual({
      a: '1',
      b: '2',
    });
    expect((await graphql(client, '{ me }')).data).toEqual({ me: 'ada' });
    await graphql(client, `mutation { change(name: ${inResolver((session) => session.logout())}) }`);
    expect((await graphql(client, '{ me }')).errors?.[0].message).toBe('Sign in to go on.');
  });
}

function hasNone(newClient: () => Client): void {
  it.each(['{ me }', '{ visit(name: "any") }', '{ skipped { field(name: "any") } }'])(
    'says what is missing where a query asks for the session: %s',
    async (query) => {
      const [error] = (await graphql(newClient(), query)).errors ?? [];
      expect(error.message).toContain('make it with `context: (req, res) => ({ req, res })`');
    },
  );
}

describeContext('the context of Mercurius', (_request, reply, app) => ({ app, reply, pubsub: {} }), hasSessions);

describeContext('a context of request and reply, as for Apollo', (req, res) => ({ req, res }), hasSessions);

describeContext('a context without the reply, as Apollo makes it by itself', (req) => ({ req }), hasNone);

describeContext('a context of other things by those names', (req, res) => ({ req: { req, res }, res: 'id' }), hasNone);

describeContext('a context whose response is none', (req) => ({ req, res: 'id' }), hasNone);

describeContext('no context', () => undefined, hasNone);
