import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import cookie from '@fastify/cookie';
import fastifySession from '@fastify/session';
import connectPgSimple from 'connect-pg-simple';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import express from 'express';
import expressSession from 'express-session';
import pg from 'pg';
import { Client } from '../support/client.js';
import { createDatabase, type TestDatabase } from '../support/database.js';
import { type Signal, signal } from '../support/probe.js';

/** A session of the peers: data as properties, and what ends it. */
type PeerSession = Record<string, unknown> & { destroy(callback: (error?: Error) => void): void };

/** What a request does to its session, between the look-up and the answer. */
type Work = (session: PeerSession) => Promise<void>;

interface Peer {
  readonly url: string;
  close(): Promise<void>;
}

const SECRET = 'a secret of at least 32 characters';
/** Work by the name that a request has as its path. */
const works = new Map<string, Work>();

async function onExpress(pool: pg.Pool): Promise<Peer> {
  const app = express();
  const store = new (connectPgSimple(expressSession))({ pool, createTableIfMissing: true });
  app.use(
    expressSession({ store, secret: SECRET, resave: false, saveUninitialized: false, cookie: { maxAge: 60_000 } }),
  );
  app.use(async (request, response) => {
    await works.get(request.path)?.(request.session as unknown as PeerSession);
    response.end('done');
  });
  const server: Server = createServer(app).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}

async function onFastify(pool: pg.Pool): Promise<Peer> {
  const app = new FastifyAdapter().getInstance();
  const store = new (connectPgSimple(expressSession))({ pool, createTableIfMissing: true });
  await app.register(cookie);
  await app.register(fastifySession, {
    store: store as unknown as fastifySession.SessionStore,
    secret: SECRET,
    saveUninitialized: false,
    cookie: { maxAge: 60_000, secure: false },
  });
  app.get('/*', async (request) => {
    await works.get(request.url)?.(request.session as unknown as PeerSession);
    return 'done';
  });
  return { url: await app.listen({ port: 0, host: '127.0.0.1' }), close: async () => app.close() };
}

// What docs/comparison.md says of others, with a store on PostgreSQL.
describe.each([
  ['express-session', onExpress],
  ['@fastify/session', onFastify],
])('%s', (_name, start) => {
  let database: TestDatabase;
  let pool: pg.Pool;
  let peer: Peer;
  beforeAll(async () => {
    database = await createDatabase();
    pool = new pg.Pool({ connectionString: database.url, max: 4 });
    peer = await start(pool);
  });
  afterAll(async () => {
    await peer.close();
    await pool.end();
    await database.drop();
  });

  async function request(client: Client, path: string, work: Work): Promise<void> {
    works.set(path, work);
    expect((await client.get(path)).text).toBe('done');
  }

  /** Begins a request that goes on only when it is told to. */
  async function begin(client: Client, path: string, work: Work): Promise<{ goOn: Signal; answer: Promise<void> }> {
    const [begun, goOn] = [signal(), signal()];
    const answer = request(client, path, async (session) => {
      begun.reach();
      await goOn.reached;
      await work(session);
    });
    await begun.reached;
    return { goOn, answer };
  }

  const set = (key: string, value: unknown): Work => {
    return (session) => {
      session[key] = value;
      return Promise.resolve();
    };
  };

  async function signedIn(): Promise<Client> {
    const client = new Client(peer.url);
    await request(client, '/begin', set('user', 'ada'));
    return client;
  }
  const stored = async () => (await database.query<{ sid: string; sess: object }>('select sid, sess from session'))[0];

  it('loses what the faster of two parallel requests has changed', async () => {
    const client = await signedIn();
    const slow = await begin(client, '/slow', set('slow', 1));
    await request(client, '/fast', set('fast', 1));
    slow.goOn.reach();
    await slow.answer;
    expect((await stored())?.sess).toMatchObject({ user: 'ada', slow: 1 });
    expect((await stored())?.sess).not.toHaveProperty('fast');
    await database.query('delete from session');
  });

  it('brings back a session that was ended while a request worked on it', async () => {
    const client = await signedIn();
    const slow = await begin(client, '/slow', set('slow', 1));
    await request(
      new Client(peer.url, await client.jar.clone()),
      '/logout',
      (session) => new Promise((resolve, reject) => session.destroy((error) => (error ? reject(error) : resolve()))),
    );
    expect(await stored()).toBeUndefined();
    slow.goOn.reach();
    await slow.answer;
    expect((await stored())?.sess).toMatchObject({ user: 'ada' });
    await database.query('delete from session');
  });

  it('stores the id that the cookie has beside a signature', async () => {
    const client = await signedIn();
    const sid = (await stored())?.sid ?? 'none';
    expect(decodeURIComponent(await client.cookie())).toContain(`${sid}.`);
    await database.query('delete from session');
  });
});
