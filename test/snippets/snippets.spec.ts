import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type AppDefinition, startApp } from '../support/app.js';
import { createDatabase, type TestDatabase } from '../support/database.js';
import { visit } from '../support/probe.js';
import { compileSnippets } from './compile.js';
import { pages, snippetsOf } from './markdown.js';
import { devices } from './pages/devices.js';
import { guards } from './pages/guards.js';
import { lifetimes } from './pages/lifetimes.js';
import { recipes } from './pages/recipes.js';
import { serverless } from './pages/serverless.js';
import { Page, run } from './run.js';

const snippets = compileSnippets(pages().flatMap(snippetsOf));
const named = snippets.map((snippet) => [`${snippet.page}:${snippet.line}`, snippet] as const);

describe('The snippets of the documentation', () => {
  it('are found', () => expect(snippets.length).toBeGreaterThan(30));

  it.each(named)('compile: %s', (_name, { errors }) => expect(errors).toEqual([]));
});

/** What options speak of. */
const GIVEN = {
  production: true,
  secret: 'keyboard cat',
  redis: { get: () => Promise.resolve(null), del: () => Promise.resolve(0) },
};

describe('The options that the documentation shows', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    Object.assign(globalThis, GIVEN);
    process.env['SESSION_SECRET'] = 'keyboard cat';
    database = await createDatabase();
    await database.query(
      'create table session (sid varchar primary key, sess json not null, expire timestamp(6) not null)',
    );
  });
  afterAll(() => database.drop());

  const shown = named.filter(([, { options }]) => options);

  it('are found', () => expect(shown.length).toBeGreaterThan(5));

  it.each(shown)('start an application that keeps a session: %s', async (_name, snippet) => {
    const { options } = (await run(snippet)) as { options: AppDefinition['options'] };
    const app = await startApp(database, { options: { ensureSchema: true, ...options } });
    try {
      let id = '';
      const reply = await visit(app.client(), (session) => {
        session.set('cart', ['book']);
        id = session.id;
      });
      expect(reply.setCookies[0] ?? reply.headers.get('x-session-token')).toContain(id);
      expect((await app.sessions.find(id))?.data).toEqual({ cart: ['book'] });
    } finally {
      await app.close();
    }
  });
});

await guards(new Page('guards.md', snippets));
await lifetimes(new Page('lifetimes.md', snippets));
await devices(new Page('devices.md', snippets));
await recipes(new Page('recipes.md', snippets));
await serverless(new Page('serverless.md', snippets));
