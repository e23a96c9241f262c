import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { SessionStoreUnavailableError } from 'nestjs-mikro-session';
import type { RedisSessionStore } from 'nestjs-mikro-session/redis';
import type { StoredSession } from 'nestjs-mikro-session/store';
import { startDatabaseProxy } from '../../support/database-proxy.js';
import { describeWithRedis } from '../../support/describe-with-redis.js';
import { until } from '../../support/redis-cluster.js';
import { type RedisServer, startRedis } from '../../support/redis-server.js';
import { loginOf, newSession, RedisStores } from '../../support/redis-stores.js';
import { TcpProxy } from '../../support/tcp-proxy.js';

/** In milliseconds. */
const QUERY_TIMEOUT = 1_000;
const WAIT = Buffer.from('$4\r\nWAIT\r\n');

const figure = async (server: RedisServer, section: string, name: string): Promise<string> =>
  new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(await server.command<string>('INFO', section))?.[1] ?? '';

/** Whether a replica has what is written now: it is said to be online a moment before it confirms anything. */
async function isOnline(primary: RedisServer): Promise<boolean> {
  await primary.command('SET', 'online', '');
  await primary.command('DEL', 'online');
  return Number(await primary.command('WAIT', '1', '100')) === 1;
}

async function startReplica(primary: RedisServer, port = primary.port): Promise<RedisServer> {
  const replica = await startRedis({ replicaof: `127.0.0.1 ${port}` });
  await until(() => isOnline(primary));
  return replica;
}

async function clientsOf(server: RedisServer): Promise<string[]> {
  return (await server.command<string>('CLIENT', 'LIST', 'TYPE', 'normal')).trim().split('\n');
}

async function count(pieces: AsyncIterable<readonly unknown[]>): Promise<number> {
  let all = 0;
  for await (const piece of pieces) all += piece.length;
  return all;
}

describeWithRedis('A replica at the other end of a network', () => {
  const stores = new RedisStores();
  let primary: RedisServer;
  let replica: RedisServer;
  let network: TcpProxy;
  /** Waits for nothing. */
  let plain: RedisSessionStore;
  let store: RedisSessionStore;
  beforeEach(async () => {
    primary = await startRedis();
    network = await TcpProxy.start(primary.port);
    replica = await startReplica(primary, network.port);
    const nodes = [primary.url];
    plain = await stores.open({ nodes, waitForReplicas: 0 });
    store = await stores.open({ nodes, waitForReplicas: 1 }, { queryTimeout: QUERY_TIMEOUT });
    network.set('delay', 5);
  });
  afterEach(async () => {
    await stores.close();
    await network.close();
    await Promise.all([primary.stop(), replica.stop()]);
  });
  const visitors = (many: number): Promise<StoredSession[]> =>
    Promise.all(Array.from({ length: many }, () => plain.create(newSession())));
  const waits = async (): Promise<number> =>
    Number(/calls=(\d+)/.exec(await figure(primary, 'commandstats', 'cmdstat_wait'))?.[1] ?? 0);

  it.each<[string, number, (sessions: readonly StoredSession[]) => Promise<unknown>]>([
    [
      'logins of many users',
      200,
      (all) =>
        Promise.all(all.map(({ id, generation }, n) => store.login(loginOf(id, generation, { userId: `${n}` })))),
    ],
    [
      'the end of all of a user’s sessions',
      200,
      async (all) => {
        await Promise.all(all.map(({ id, generation }) => plain.login(loginOf(id, generation))));
        expect(await count(store.deleteByUser('ada', null))).toBe(200);
      },
    ],
    ['the end of all sessions', 2_000, async () => expect(await count(store.deleteAll())).toBe(2_000)],
  ])('confirms %s together, not one after the other', async (_what, many, act) => {
    const sessions = await visitors(many);
    const before = await waits();
    await act(sessions);
    expect((await waits()) - before).toBeLessThan(20);
  });
});

describeWithRedis('While a replica is gone', () => {
  const stores = new RedisStores();
  let primary: RedisServer;
  let replica: RedisServer;
  let store: RedisSessionStore;
  beforeEach(async () => {
    primary = await startRedis();
    replica = await startReplica(primary);
    store = await stores.open({ nodes: [primary.url], waitForReplicas: 1 }, { queryTimeout: QUERY_TIMEOUT });
  });
  afterEach(async () => {
    replica.process.kill('SIGCONT');
    await stores.close();
    await Promise.all([primary.stop(), replica.stop()]);
  });
  /** Others sign in, and wait for the replica. */
  const others = (): Promise<unknown> =>
    Promise.allSettled(Array.from({ length: 5 }, () => store.create(newSession({ userId: 'other' }))));

  it.each<[string, (session: StoredSession) => Promise<unknown>]>([
    ['a session', ({ id }) => store.delete(id, null)],
    ['all sessions of a user', () => count(store.deleteByUser('ada', null))],
  ])('%s ended has ended on the primary, whoever else waits for the replica', async (_what, end) => {
    const session = await store.create(newSession({ userId: 'ada' }));
    replica.process.kill('SIGSTOP');
    const waiting = others();
    await expect(end(session)).rejects.toThrow(SessionStoreUnavailableError);
    expect(await store.find(session.id)).toBeNull();
    await waiting;
  });

  it('a login is stored on the primary, whoever else waits for the replica, and confirmed when it is back', async () => {
    const { id, generation } = await store.create(newSession());
    replica.process.kill('SIGSTOP');
    const waiting = others();
    const login = store.login(loginOf(id, generation, { userId: null }));
    await until(async () => (await store.find(id))?.generation !== generation);
    replica.process.kill('SIGCONT');
    expect(await login).not.toBeNull();
    for (const { status } of (await waiting) as { status: string }[]) expect(status).toBe('fulfilled');
  });
});

describeWithRedis('What a primary has written', () => {
  const stores = new RedisStores();
  const servers: RedisServer[] = [];
  const closing: (() => Promise<void>)[] = [];
  /** Each has a replica. */
  const startPrimary = async (): Promise<{ readonly primary: RedisServer; readonly replica: RedisServer }> => {
    const primary = await startRedis();
    const replica = await startReplica(primary);
    servers.push(primary, replica);
    return { primary, replica };
  };
  const open = (port: number): Promise<RedisSessionStore> =>
    stores.open({ nodes: [`redis://127.0.0.1:${port}`], waitForReplicas: 1 }, { queryTimeout: QUERY_TIMEOUT });
  afterEach(async () => {
    await stores.close();
    await Promise.all(closing.splice(0).map((close) => close()));
    await Promise.all(servers.splice(0).map((server) => server.stop()));
  });

  /** Ends a connection by what it was used for last, and says which, if there is one. */
  async function killed(primary: RedisServer, use: RegExp): Promise<string | undefined> {
    const id = /^id=(\d+)/.exec((await clientsOf(primary)).find((line) => use.test(line)) ?? '')?.[1];
    if (id !== undefined) await primary.command('CLIENT', 'KILL', 'ID', id);
    return id;
  }

  /** Ends the connection on which replicas were waited for last. */
  const endWaiting = (primary: RedisServer, store: RedisSessionStore): Promise<void> =>
    until(async () => {
      await store.create(newSession());
      return (await killed(primary, / cmd=(?:info|wait) /)) !== undefined;
    });

  /** Ends the connection on which sessions are written. */
  const endWriting = async (primary: RedisServer): Promise<void> =>
    until(async () => (await killed(primary, / cmd=(?:evalsha|eval|time|hgetall) /)) !== undefined);

  it('is confirmed on another connection, where the one on which replicas were waited for has ended', async () => {
    const { primary } = await startPrimary();
    const store = await open(primary.port);
    await endWaiting(primary, store);
    const { id } = await store.create(newSession());
    expect((await store.find(id))?.id).toBe(id);
  });

  it('is not confirmed by another server, to which its address leads by then', async () => {
    const [former, next] = [await startPrimary(), await startPrimary()];
    const network = await TcpProxy.start(former.primary.port);
    closing.push(() => network.close());
    const store = await open(network.port);
    network.lead(next.primary.port);
    await endWaiting(former.primary, store);
    former.replica.process.kill('SIGSTOP');
    await expect(store.create(newSession())).rejects.toThrow(SessionStoreUnavailableError);
    // It is found out that connections lead to different servers.
    await until(async () => (await store.create(newSession()).catch(() => null)) !== null);
    const { id } = await store.create(newSession());
    expect(await next.replica.command('EXISTS', `session:s:${id}`)).toBe(1);
  });

  it('is not confirmed by the server of which it was a replica when it was asked who it is', async () => {
    const former = await startPrimary();
    const next = await startRedis({ replicaof: `127.0.0.1 ${former.primary.port}` });
    servers.push(next);
    await until(async () => (await figure(next, 'replication', 'master_link_status')) === 'up');
    const network = await TcpProxy.start(former.primary.port);
    closing.push(() => network.close());
    const store = await open(network.port);
    await store.create(newSession());
    network.lead(next.port);
    await endWriting(former.primary);
    // With the one of this test.
    const connected = async (): Promise<number> => (await clientsOf(next)).length;
    await until(async () => (await connected()) === 2);
    const session = newSession();
    const creating = store.create(session).catch((error: unknown) => error);
    // It has said who its primary is, and has refused the write.
    await until(async () =>
      /(?:rejected|failed)_calls=[1-9]/.test(await figure(next, 'commandstats', 'cmdstat_evalsha')),
    );
    await next.command('REPLICAOF', 'NO', 'ONE');
    await until(async () => (await next.command('EXISTS', `session:s:${session.id}`)) === 1);
    expect(await creating).toBeInstanceOf(SessionStoreUnavailableError);
  });

  it('is told of by the end of all sessions though the connection ends on which replicas are waited for', async () => {
    const { primary, replica } = await startPrimary();
    const plain = await stores.open({ nodes: [primary.url], waitForReplicas: 0 });
    await Promise.all(Array.from({ length: 1_000 }, () => plain.create(newSession())));
    const store = await stores.open({ nodes: [primary.url], waitForReplicas: 1 });
    const ending = store.deleteAll()[Symbol.asyncIterator]();
    const { value: first } = (await ending.next()) as { value: readonly unknown[] };
    const left = await plain.count();
    replica.process.kill('SIGSTOP');
    const others = count({ [Symbol.asyncIterator]: () => ending });
    await until(async () => (await plain.count()) < left && (await killed(primary, / cmd=wait /)) !== undefined);
    replica.process.kill('SIGCONT');
    expect(first.length + (await others)).toBe(1_000);
  });

  it('is not confirmed by a primary that was a replica meanwhile, and has lost it', async () => {
    const [{ primary, replica }, other] = [await startPrimary(), await startPrimary()];
    let meanwhile: (() => Promise<unknown>) | null = null;
    const proxy = await startDatabaseProxy(primary.url, (client, connect) => {
      const upstream = connect();
      let sent = Promise.resolve();
      client.on('data', (chunk) => {
        const at = chunk.indexOf(WAIT);
        const act = at < 0 ? null : meanwhile;
        if (act !== null) meanwhile = null;
        const start = act === null ? 0 : chunk.lastIndexOf('*', at);
        sent = sent.then(async () => {
          upstream.write(chunk.subarray(0, start));
          await act?.();
          upstream.write(chunk.subarray(start));
        });
      });
      upstream.on('data', (chunk) => client.write(chunk));
      upstream.on('close', () => client.destroy());
    });
    closing.push(() => proxy.close());
    const store = await stores.open({ nodes: [proxy.url], waitForReplicas: 1 });
    const session = newSession();
    meanwhile = async () => {
      await until(async () => (await primary.command('EXISTS', `session:s:${session.id}`)) === 1);
      await primary.command('REPLICAOF', '127.0.0.1', String(other.primary.port));
      await until(async () => (await figure(primary, 'replication', 'master_link_status')) === 'up');
      // What is waited for was longer ago, for who only counts bytes.
      await other.primary.command('SET', 'much', 'x'.repeat(100_000));
      await until(async () => (await primary.command('EXISTS', 'much')) === 1);
      await primary.command('REPLICAOF', 'NO', 'ONE');
      await until(async () => (await replica.command('EXISTS', 'much')) === 1 && (await isOnline(primary)));
    };
    await expect(store.create(session)).rejects.toThrow(SessionStoreUnavailableError);
    expect(meanwhile).toBeNull();
    expect(await primary.command('EXISTS', `session:s:${session.id}`)).toBe(0);
    // From then on it is as good as before.
    await until(async () => (await store.create(newSession()).catch(() => null)) !== null);
  });
});
