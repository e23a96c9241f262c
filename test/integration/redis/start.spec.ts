import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { SessionModule, SessionSetupError } from 'nestjs-mikro-session';
import { RedisSessionStore, redisSessionStore, type RedisSessionStoreOptions } from 'nestjs-mikro-session/redis';
import { createClient, createCluster, type RedisClusterType } from 'redis';
import { startApp } from '../../support/app.js';
import { startRedisCluster, until } from '../../support/redis-cluster.js';
import { describeWithRedis } from '../../support/describe-with-redis.js';
import { freePort, type RedisServer, startRedis } from '../../support/redis-server.js';
import { newSession, RedisStores } from '../../support/redis-stores.js';
import { startSilentServer } from '../../support/silent-server.js';
import { StoreReports } from '../../support/store-listener.js';

const OPTIONS = { maxDataBytes: 65_536, queryTimeout: 5_000 };

/** What the operator reads of a store that cannot start. */
async function refusalOf(options: RedisSessionStoreOptions): Promise<string> {
  const opening = new RedisSessionStore(options, OPTIONS).open(new StoreReports());
  const error: unknown = await opening.catch((refusal: unknown) => refusal);
  if (!(error instanceof SessionSetupError)) throw new Error(`It was not refused, or otherwise: ${String(error)}`);
  return error.message;
}

describeWithRedis('Sessions in Redis, at start,', () => {
  const stores = new RedisStores();
  const servers: RedisServer[] = [];
  const start = async (...args: Parameters<typeof startRedis>): Promise<RedisServer> => {
    const server = await startRedis(...args);
    servers.push(server);
    return server;
  };
  afterEach(async () => {
    await stores.close();
    await Promise.all(servers.splice(0).map((server) => server.stop()));
  });

  it('say which address does not answer', async () => {
    const port = await freePort();
    expect(await refusalOf({ nodes: [`redis://127.0.0.1:${port}`] })).toMatch(
      /^Sessions could not start\. They waited for a connection to Redis: .*ECONNREFUSED.*Check that "nodes"/,
    );
  });

  it('do not wait for ever for a server that accepts connections and stays silent', async () => {
    const silent = await startSilentServer('redis://127.0.0.1:1', '');
    const [plain, tls] = await Promise.all(
      [silent.url, silent.url.replace('redis:', 'rediss:')].map((url) => refusalOf({ nodes: [url] })),
    );
    expect(plain).toMatch(/^Sessions could not start\. They waited for a connection to Redis: /);
    expect(tls).toMatch(/: the connection was silent for too long\. Check that "nodes"/);
    await silent.close();
  });

  it('take the first node of a cluster that answers', async () => {
    const node = await start({ 'cluster-enabled': 'yes', 'cluster-port': String(await freePort()) });
    await node.command('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
    await until(async () => (await node.command<string>('CLUSTER', 'INFO')).includes('cluster_state:ok'));
    const store = await stores.open({ nodes: [`redis://127.0.0.1:${await freePort()}`, node.url], waitForReplicas: 0 });
    const { id } = await store.create(newSession());
    expect((await store.find(id))?.id).toBe(id);
  });

  it('refuse several nodes of no cluster, as each process would take the first that answers', async () => {
    const [one, other] = [await start(), await start()].map(({ url }) => url) as [string, string];
    const silent = `redis://127.0.0.1:${await freePort()}`;
    const told =
      /redisSessionStore\(\) names 2 nodes, but 127\.0\.0\.1:\d+ is no node of a cluster\..*Name one Redis, or the nodes of one cluster\.$/;
    for (const nodes of [
      [one, other],
      [silent, other],
      [one, one],
    ]) {
      expect(await refusalOf({ nodes })).toMatch(told);
    }
    const client = createCluster({ rootNodes: [{ url: one }, { url: other }] }) as unknown as RedisClusterType;
    expect(await refusalOf({ client })).toMatch(told);
  });

  it('refuse a Redis that removes keys when its memory is full', async () => {
    const { url } = await start({ 'maxmemory-policy': 'volatile-lru' });
    expect(await refusalOf({ nodes: [url] })).toMatch(
      /"maxmemory-policy volatile-lru".*Set "maxmemory-policy noeviction"/,
    );
  });

  it('warn of each Redis that may come back as it was before a logout', async () => {
    const nodes = [await start(), await start({ appendonly: 'yes' })].map(({ url }) => [url]);
    const warnings = nodes.map(() => new StoreReports());
    for (const [index, reports] of warnings.entries()) await stores.open({ nodes: nodes[index] }, {}, reports);
    expect(warnings.map(({ warnings: told }) => told)).toEqual([
      [
        expect.stringMatching(
          /^Redis keeps no append-only file on 127\.0\.0\.1:\d+ .* signed in again\. Set "appendonly yes"/,
        ),
      ],
      [],
    ]);
  });

  it('have the operator read that warning', async () => {
    const { url } = await start();
    const app = await startApp(null, {
      session: SessionModule.forRoot({ store: redisSessionStore({ nodes: [url] }) }),
    });
    expect(app.lines).toContainEqual(expect.stringMatching(/^warn: Redis keeps no append-only file/));
    await app.close();
  });

  it('say what to do about a Redis that is full', async () => {
    const { url } = await start({ maxmemory: '1' });
    expect(await refusalOf({ nodes: [url] })).toMatch(
      /the memory of Redis is full \("maxmemory"\).* goes on\. Raise "maxmemory", or have processes that run end sessions/,
    );
  });

  it('say what to do about one that wants more replicas than it has', async () => {
    const { url } = await start({ 'min-replicas-to-write': '1' });
    expect(await refusalOf({ nodes: [url] })).toMatch(
      /NOREPLICAS .*\. Start as many replicas as "min-replicas-to-write" wants, or lower it\.$/,
    );
  }, 20_000);

  it('refuse a replica', async () => {
    const { port } = await start();
    const { url } = await start({ replicaof: `127.0.0.1 ${port}` });
    expect(await refusalOf({ nodes: [url] })).toMatch(/is a replica, and takes no writes\. Name its primary/);
  });

  it('refuse to wait for replicas that are not there', async () => {
    const { url } = await start();
    expect(await refusalOf({ nodes: [url], waitForReplicas: 1 })).toMatch(
      /"waitForReplicas" is 1, but no primary has more than 0 replicas/,
    );
  });

  it('say that the password is wrong or missing, and do not show it', async () => {
    const { port } = await start({ requirepass: 'right' }, { password: 'right' });
    for (const credentials of ['', ':wrong-one@', 'nobody:wrong-one@']) {
      const refusal = await refusalOf({ nodes: [`redis://${credentials}127.0.0.1:${port}`] });
      expect(refusal).toMatch(/(WRONGPASS|NOAUTH).*Check the user and the password in "nodes"/);
      expect(refusal).not.toContain('wrong-one');
    }
    const store = await stores.open({ nodes: [`redis://:right@127.0.0.1:${port}`] });
    expect(await store.count()).toBe(0);
  });

  it('fail the start of the application with that sentence', async () => {
    const nodes = [`redis://127.0.0.1:${await freePort()}`];
    const session = SessionModule.forRoot({ store: redisSessionStore({ nodes }) });
    await expect(startApp(null, { session })).rejects.toThrow('They waited for a connection to Redis');
  });

  it('refuse the cache with a sentence', async () => {
    const session = SessionModule.forRoot({ cache: true, store: redisSessionStore({ nodes: ['redis://127.0.0.1'] }) });
    await expect(startApp(null, { session })).rejects.toThrow('"cache" does not go with sessions in Redis');
  });

  it('take over what a client of the package "redis" connects to', async () => {
    const { port } = await start({ requirepass: 'p' }, { password: 'p' });
    const clients = [
      createClient({ url: `redis://:p@127.0.0.1:${port}` }),
      createClient({ password: 'p', socket: { host: '127.0.0.1', port } }),
      createCluster({ rootNodes: [{ url: `redis://127.0.0.1:${port}` }], defaults: { password: 'p' } }),
    ];
    for (const client of clients) {
      const store = await stores.open({ client });
      const { id } = await store.create(newSession());
      expect((await store.find(id))?.id).toBe(id);
    }
  });

  it('refuse a client of another database than the first', async () => {
    const refused = [
      createClient({ url: 'redis://127.0.0.1/5' }),
      createClient({ database: 1 }),
      createCluster({ rootNodes: [{ url: 'redis://127.0.0.1:7000/2' }] }),
    ];
    for (const client of refused) {
      await expect(refusalOf({ client })).rejects.toThrow(
        'sessions are in database 0. Fix: keep applications apart by "prefix"',
      );
    }
    const { url } = await start();
    expect(await (await stores.open({ client: createClient({ url: `${url}/0` }) })).count()).toBe(0);
  });

  it('keep what two applications have apart, by the prefix', async () => {
    const { url } = await start();
    const [one, other] = [await stores.open({ nodes: [url] }), await stores.open({ nodes: [url], prefix: 'other' })];
    const { id } = await one.create(newSession({ userId: 'ada' }));
    expect(await other.find(id)).toBeNull();
    expect([await one.count(), await other.count()]).toEqual([1, 0]);
    expect(await other.findByUser('ada')).toEqual([]);
    // One that begins as the keys of the first one's sessions do.
    const within = await stores.open({ nodes: [url], prefix: 'session:s' });
    await within.create(newSession());
    expect([await one.count(), await within.count()]).toEqual([1, 1]);
    for await (const ended of one.deleteAll()) expect(ended.filter((found) => found !== id)).toEqual([]);
    expect([await one.count(), await within.count()]).toEqual([0, 1]);
  });
});

describeWithRedis('Sessions in Redis, for a user with few rights,', () => {
  const stores = new RedisStores();
  const COMMANDS = (
    'hello ping info time evalsha eval wait scan exists cluster|slots asking ' +
    'hget hmget hset hdel hgetall hkeys hstrlen del pexpireat pexpiretime ' +
    'zadd zcard zrange zscore zrem get set'
  ).split(' ');

  it('run with the commands that docs/redis.md lists, on a single Redis and on a cluster, and no others', async () => {
    const page = await readFile(join(import.meta.dirname, '../../../docs/redis.md'), 'utf8');
    const listed = /ACL SETUSER sessions (.*)/.exec(page)?.[1] as string;
    expect(listed).toBe(`on >secret ~session:* ${COMMANDS.map((command) => `+${command}`).join(' ')}`);
  });

  const setUser = (server: RedisServer, commands: readonly string[]): Promise<unknown> =>
    server.command('ACL', 'SETUSER', 'sessions', 'reset', 'on', '>secret', '~session:*', ...commands);
  const allowed = COMMANDS.map((command) => `+${command}`);

  it.each([
    ['a single Redis', async () => [await startRedis()]],
    [
      'a cluster',
      async () => {
        const cluster = await startRedisCluster();
        return [...cluster.primaries, ...cluster.replicas];
      },
    ],
  ])('run on %s, and say which right is missing', async (where, make) => {
    const nodes = await make();
    const refusals = new Map<string, string>();
    try {
      const [first] = nodes as [RedisServer];
      const url = `redis://sessions:secret@127.0.0.1:${first.port}`;
      for (const node of nodes) await setUser(node, allowed);
      const store = await stores.open({ nodes: [url] });
      const { id, generation } = await store.create(newSession({ userId: 'ada' }));
      expect(await store.findByUser('ada')).toHaveLength(1);
      expect(await store.delete(id, generation)).toBe(true);
      const ofCluster = ['cluster|slots', 'asking', 'exists'];
      const ofConnection = ['hello', 'ping'];
      const needed = where === 'a cluster' ? ofCluster : COMMANDS.filter((command) => !ofCluster.includes(command));
      for (const missing of needed.filter((command) => !ofConnection.includes(command))) {
        const left = allowed.filter((command) => command !== `+${missing}`);
        for (const node of nodes) await setUser(node, left);
        refusals.set(missing, await refusalOf({ nodes: [url] }).catch(String));
      }
    } finally {
      await stores.close();
      await Promise.all(nodes.map((node) => node.stop()));
    }
    for (const refusal of refusals.values()) expect(refusal).not.toContain('secret');
    const unnoticed = [...refusals].filter(([, refusal]) => !refusal.includes('docs/redis.md'));
    expect(unnoticed).toEqual([]);
  });
});

describeWithRedis('Sessions in Redis, over TLS,', () => {
  const stores = new RedisStores();
  let folder: string;
  let server: RedisServer;
  let ca: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'session-tls-'));
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    execFileSync(
      'openssl',
      `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 -keyout ${key} -out ${cert}`.split(
        ' ',
      ),
      { stdio: 'ignore' },
    );
    ca = await readFile(cert, 'utf8');
    const port = await freePort();
    server = await startRedis(
      {
        port: '0',
        'tls-port': String(port),
        'tls-cert-file': cert,
        'tls-key-file': key,
        'tls-ca-cert-file': cert,
        'tls-auth-clients': 'no',
      },
      { socket: { tls: true, ca } as never },
    );
  });
  afterAll(async () => {
    await stores.close();
    await server.stop();
    await rm(folder, { recursive: true });
  });

  it('are kept where the certificate is known', async () => {
    const store = await stores.open({ nodes: [`rediss://127.0.0.1:${server.port}`], tls: { ca } });
    const { id } = await store.create(newSession());
    expect((await store.find(id))?.id).toBe(id);
  });

  it('say what is wrong where it is not, or where TLS is not spoken', async () => {
    expect(await refusalOf({ nodes: [`rediss://127.0.0.1:${server.port}`] })).toMatch(/certificate/);
    expect(await refusalOf({ nodes: [`redis://127.0.0.1:${server.port}`] })).toMatch(
      /with "rediss:\/\/" where it speaks TLS/,
    );
  });
});
