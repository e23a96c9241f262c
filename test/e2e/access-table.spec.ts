import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { APP_GUARD } from '@nestjs/core';
import { GraphQLModule } from '@nestjs/graphql';
import { WsAdapter } from '@nestjs/platform-ws';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { rememberHandshakes, SessionGuard } from 'nestjs-mikro-session';
import {
  CLASSES,
  classesOf,
  type Place,
  PROTOCOLS,
  type Route,
  type RoutesOfClass,
  type Shape,
  type Word,
} from '../support/access-routes.js';
import { type AppFixture, useApp } from '../support/app.js';
import { ask } from '../support/gateway.js';
import { graphql } from '../support/graphql.js';
import { instrumentHandlers } from '../support/instrumented-handlers.js';
import { connect } from '../support/ws-client.js';

const VISITORS = ['anonymous', 'reader', 'admin', 'stale admin'] as const;
type Visitor = (typeof VISITORS)[number];
type Status = 200 | 401 | 403;

/**
 * The rule: a `@Public()` lifts what is said further away. On a handler, that is not what a class says that inherits it; on
 * a class, not what any method says. Of a method that is overridden, only what it requires counts.
 */
const LIFTED: Record<Shape, Record<Place, readonly (Place | 'app')[]>> = {
  written: { base: ['app'], class: ['app', 'base'], overridden: [], handler: ['app', 'base', 'class'] },
  inherited: { base: ['app'], class: ['app', 'base'], overridden: [], handler: ['app', 'base'] },
  overriding: {
    base: ['app'],
    class: ['app', 'base'],
    overridden: [],
    handler: ['app', 'base', 'class', 'overridden'],
  },
};

/** What a visitor should be answered. */
function expected(visitor: Visitor, { shape, said }: Route, app: Word): Status {
  const everything = Object.entries({ app: [app], ...said }) as [Place | 'app', readonly Word[]][];
  const publicAt = everything.flatMap(([place, words]) => (words.includes('Public') ? [place as Place] : []));
  const lifted = publicAt.flatMap((place) => LIFTED[shape][place]);
  const required = everything.flatMap(([place, words]) =>
    lifted.includes(place) ? [] : words.filter((word) => ['SessionGuard', 'roles', 'within'].includes(word)),
  );
  // What is required is all met, or nobody gets in. Where sessions are skipped, nobody is signed in.
  const isSkipped = [said.base, said.class, said.handler].flat().includes('SkipSession');
  if (required.length === 0) return 200;
  if (visitor === 'anonymous' || isSkipped) return 401;
  if (required.includes('roles') && visitor === 'reader') return 403;
  if (required.includes('within') && visitor === 'stale admin') return 401;
  return 200;
}

const ROUTES = CLASSES.flatMap(({ routes }) => routes);
const NAMES = ROUTES.map(({ name }) => name);
type Statuses = Record<string, number>;

async function overHttp({ app }: AppFixture, cookie: string): Promise<Statuses> {
  const client = app.client();
  const statuses: Statuses = {};
  const names = NAMES.values();
  const one = async () => {
    for (const name of names) statuses[name] = (await client.get(`/${name}`, { cookie })).status;
  };
  await Promise.all(Array.from({ length: 8 }, one));
  return statuses;
}

async function overSocket({ app }: AppFixture, cookie: string): Promise<Statuses> {
  const statuses: Statuses = {};
  const one = async ({ name: path, routes }: RoutesOfClass) => {
    const client = await connect(`${app.url}/${path}`, cookie);
    for (const { name } of routes) {
      const answer = (await ask(client, name)) as 'open' | { exception: { statusCode: number } };
      statuses[name] = answer === 'open' ? 200 : answer.exception.statusCode;
    }
    client.close();
  };
  await Promise.all(CLASSES.map(one));
  return statuses;
}

async function overGraphql({ app }: AppFixture, cookie: string): Promise<Statuses> {
  const { data, errors = [] } = await graphql(app.client(), `{ ${NAMES.join(' ')} }`, { cookie });
  const codes: Record<string, number> = { UNAUTHENTICATED: 401, FORBIDDEN: 403 };
  const refused = errors.map(({ path, extensions }) => [path[0], codes[extensions.code as string]] as const);
  const open = NAMES.filter((name) => data[name] === 'open').map((name) => [name, 200] as const);
  return Object.fromEntries([...open, ...refused]);
}

const providers = [...classesOf(PROTOCOLS.gateway), ...classesOf(PROTOCOLS.graphql)];

describe.each<{ app: Word; how: string; isInstrumented: boolean }>([
  { app: 'nothing', how: '', isInstrumented: false },
  { app: 'SessionGuard', how: '', isInstrumented: false },
  { app: 'nothing', how: ', and other functions stand for the handlers', isInstrumented: true },
])('Where the application says $app$how', ({ app, isInstrumented }) => {
  let restore = (): void => {};
  beforeAll(() => {
    if (isInstrumented) restore = instrumentHandlers();
  });
  afterAll(() => restore());
  const fixture = useApp({
    imports: [
      GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, autoSchemaFile: true, graphiql: false }),
    ],
    controllers: classesOf(PROTOCOLS.http),
    providers: app === 'SessionGuard' ? [...providers, { provide: APP_GUARD, useClass: SessionGuard }] : providers,
    prepare: (nest) => nest.useWebSocketAdapter(rememberHandshakes(new WsAdapter(nest))),
  });

  async function cookieOf(visitor: Visitor): Promise<string> {
    if (visitor === 'anonymous') return '';
    const { session, cookie } = await fixture.app.sessions.create({
      userId: 'ada',
      auth: { roles: [visitor === 'reader' ? 'reader' : 'admin'] },
    });
    if (visitor === 'stale admin') {
      const age = `update sessions set authenticated_at = authenticated_at - interval '1 h' where id = $1`;
      await fixture.database.query(age, [session.id]);
    }
    return cookie;
  }

  it.each([
    { protocol: 'HTTP', ask: overHttp },
    { protocol: 'a gateway', ask: overSocket },
    { protocol: 'GraphQL', ask: overGraphql },
  ])('lets in over $protocol who may, whatever the base class, the class and the handler say', async ({ ask: all }) => {
    const wrong: string[] = [];
    for (const visitor of VISITORS) {
      const statuses = await all(fixture, await cookieOf(visitor));
      for (const route of ROUTES) {
        const status = expected(visitor, route, app);
        if (statuses[route.name] === status) continue;
        wrong.push(`${JSON.stringify(route)} answers ${visitor} ${statuses[route.name]} and not ${status}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});
