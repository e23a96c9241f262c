import { once } from 'node:events';
import type { Server } from 'node:http';
import { afterAll, beforeAll } from '@jest/globals';
import connectPgSimple from 'connect-pg-simple';
import express, { type Express } from 'express';
import expressSession, { type CookieOptions } from 'express-session';
import { Passport } from 'passport';
import { Strategy } from 'passport-local';
import pg from 'pg';
import type { CookieJar } from 'tough-cookie';
import { passportSession, type SessionAdoptionOptions, type SessionModuleOptions } from 'nestjs-mikro-session';
import { type AppDefinition, startApp, type TestApp } from './app.js';
import { Client } from './client.js';
import { createDatabase, type TestDatabase } from './database.js';
import { whileTesting } from './while-testing.js';

export const OLD_SECRET = 'the secret of the old application';

export interface OldOptions {
  readonly secret?: string | string[];
  readonly name?: string;
  readonly cookie?: CookieOptions;
  readonly tableName?: string;
  readonly schemaName?: string;
  readonly timeZone?: string;
}

/** An application as it was before: express-session, connect-pg-simple and Passport. */
export interface OldApp {
  readonly url: string;
  /** A browser, on this application; on a new one of the same host it is `new Client(url, jar)`. */
  client(jar?: CookieJar): Client;
  /** A browser that is signed in, and has put something in its cart. */
  signedIn(user?: string): Promise<Client>;
  /** The id that the cookie of a browser carries. */
  sidOf(browser: Client): Promise<string>;
  /** Whether a session is stored. */
  has(sid: string): Promise<boolean>;
  close(): Promise<void>;
}

export async function startOldApp(database: TestDatabase, options: OldOptions = {}): Promise<OldApp> {
  const { secret = OLD_SECRET, name, cookie, tableName, schemaName, timeZone } = options;
  const Store = connectPgSimple(expressSession);
  const pool = new pg.Pool({
    connectionString: database.url,
    max: 4,
    ...(timeZone !== undefined && { options: `-c timezone=${timeZone}` }),
  });
  pool.on('error', () => {});
  const store = new Store({
    pool,
    createTableIfMissing: true,
    pruneSessionInterval: false,
    ...(tableName !== undefined && { tableName }),
    ...(schemaName !== undefined && { schemaName }),
  });
  const app = express();
  app.use(
    expressSession({
      store,
      secret,
      resave: false,
      saveUninitialized: false,
      ...(name !== undefined && { name }),
      ...(cookie !== undefined && { cookie }),
    }),
  );
  usePassport(app);
  const server: Server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  const client = (jar?: CookieJar): Client => new Client(url, jar);
  const table = [schemaName, tableName ?? 'session'].filter((part) => part !== undefined).map((part) => `"${part}"`);
  return {
    url,
    client,
    signedIn: async (user = 'ada') => {
      const browser = client();
      const reply = await browser.post('/login', { username: user, password: 'right' });
      if (reply.status !== 200) throw new Error(`Answered ${reply.status}: ${reply.text}`);
      await browser.post('/cart', { item: 'book' });
      return browser;
    },
    sidOf: async (browser) => decodeURIComponent(await browser.cookie()).match(/=s:(.*?)\./)?.[1] ?? 'none',
    has: async (sid) => (await database.query(`select from ${table.join('.')} where sid = $1`, [sid])).length > 0,
    close: async () => {
      server.closeAllConnections();
      server.close();
      // oxlint-disable-next-line typescript/await-thenable -- its types are of a version before
      await store.close();
      await pool.end();
    },
  };
}

function usePassport(app: Express): void {
  const passport = new Passport();
  passport.use(new Strategy((username, _password, done) => done(null, { id: username })));
  passport.serializeUser((user, done) => done(null, (user as { id: string }).id));
  passport.deserializeUser((id: string, done) => done(null, { id }));
  app.use(express.json());
  app.use(passport.session());
  app.post('/login', passport.authenticate('local'), (request, response) => void response.json(request.user));
  app.post('/cart', (request, response) => {
    const session = request.session as unknown as { cart?: string[] };
    session.cart = [...(session.cart ?? []), (request.body as { item: string }).item];
    response.json(session.cart);
  });
  app.get('/me', (request, response) => void response.json(request.user ?? null));
}

/** What a test file works with; there once its first test runs. */
export interface MovedFixture {
  readonly old: OldApp;
  /** The application with the sessions of this library. */
  readonly app: TestApp;
  readonly database: TestDatabase;
  /** The same browser, on the new application. */
  moved(browser: Client): Client;
}

/** An application that has moved over, beside the old one, which still writes sessions; for all tests of a file or a block. */
export function useMovedApp(
  definition: Omit<AppDefinition, 'options'> & {
    readonly options?: Omit<SessionModuleOptions, 'adopt'>;
    readonly adopt?: Partial<SessionAdoptionOptions>;
  } = {},
  options: OldOptions = {},
): MovedFixture {
  const { adopt, options: given, ...rest } = definition;
  let database: TestDatabase | undefined;
  let old: OldApp | undefined;
  let app: TestApp | undefined;
  beforeAll(async () => {
    database = await createDatabase();
    old = await startOldApp(database, options);
    // Makes its table.
    await old.signedIn('somebody');
    app = await startApp(database, {
      ...rest,
      options: { ...given, adopt: { secret: OLD_SECRET, table: 'session', toSession: passportSession, ...adopt } },
    });
  });
  afterAll(async () => {
    await app?.close();
    await old?.close();
    await database?.drop();
  });
  return {
    get old() {
      return whileTesting(old);
    },
    get app() {
      return whileTesting(app);
    },
    get database() {
      return whileTesting(database);
    },
    moved: (browser) => new Client(whileTesting(app).url, browser.jar),
  };
}
