import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { StoredSession } from 'nestjs-mikro-session/store';
import { FAULTS, type Fault } from '../../failover/faults.js';
import { play } from '../../failover/play.js';
import { startRedisCluster, type TestRedisCluster, until } from '../../support/redis-cluster.js';
import { describeWithRedis } from '../../support/describe-with-redis.js';
import type { RedisServer } from '../../support/redis-server.js';
import { loginOf, newSession, RedisStores, setting } from '../../support/redis-stores.js';

const PATIENCE = 120_000;
/** In milliseconds. */
const SOON = 2_000;
/** For what takes one to two seconds alone, and longer where other tests run beside it; to wait for the silent node would take for ever. */
const BACK = 10_000;

/** A cluster of its own, and stores on it. */
function useRedisCluster(): { readonly stores: RedisStores; readonly cluster: TestRedisCluster } {
  const stores = new RedisStores();
  let cluster: TestRedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  });
  afterAll(async () => {
    await stores.close();
    await cluster.stop();
  });
  return {
    stores,
    get cluster() {
      return cluster;
    },
  };
}

// More of it, and without waiting for replicas: npm run test:failover. Slots that move: test/e2e/history.spec.ts.
describeWithRedis('A cluster that is written to', () => {
  it.each(
    FAULTS.filter(({ name }) => !['taken-over', 'hung', 'resharded'].includes(name)).map(({ title, name }) => [
      title,
      name,
    ]),
  )(
    'loses nothing, and brings nothing back, where all writes wait for a replica: %s',
    async (_title, name) => {
      const fault = FAULTS.find((one) => one.name === name) as Fault;
      const outcome = await play(fault, { waitForReplicas: 1, waitForReplicasOnCommit: true }, 20_261_129);
      expect(outcome).toMatchObject({ lost: 0, revived: 0, wrong: 0 });
      expect(outcome.acknowledged).toBeGreaterThan(100);
      // Where a node is gone for good, no replica of it is left that could confirm.
      expect(outcome.recovery).toBeLessThan(name === 'killed' ? Infinity : SOON);
    },
    PATIENCE,
  );
});

describeWithRedis('A cluster with a primary whose replica is gone', () => {
  const fixture = useRedisCluster();

  it('refuses to begin and to end sessions there, and says why; reads and changes go on', async () => {
    const { cluster, stores } = fixture;
    const store = await stores.open({ nodes: cluster.urls }, { queryTimeout: 400 });
    const sessions = await Promise.all(Array.from({ length: 30 }, () => store.create(newSession())));
    for (const replica of cluster.replicas) (replica as RedisServer).process.kill('SIGKILL');
    const refused = await store.create(newSession()).catch((error: unknown) => error);
    expect(String(refused)).toContain('could not create a session');
    expect(String((refused as Error).cause)).toMatch(/0 of 1 replicas of 127\.0\.0\.1:\d+ have confirmed it in time/);
    const [one] = sessions as [(typeof sessions)[number]];
    await expect(store.delete(one.id, one.generation)).rejects.toThrow('could not end a session');
    for (const { id } of sessions.slice(1)) expect((await store.find(id))?.id).toBe(id);
    const ended: string[] = [];
    const ending = async (): Promise<void> => {
      for await (const ids of store.deleteAll()) ended.push(...ids);
    };
    await expect(ending()).rejects.toThrow('could not end all sessions');
    // On the primaries they have, and that is told.
    expect(ended).toEqual(expect.arrayContaining(sessions.slice(1).map(({ id }) => id)));
    await expect(ending()).rejects.toThrow('could not end all sessions');
  });
});

describeWithRedis('A session whose slot moves from one primary to another', () => {
  const fixture = useRedisCluster();

  it('is read, changed, logged in to and ended, on whichever of them it is', async () => {
    const { cluster, stores } = fixture;
    const store = await stores.open({ nodes: cluster.urls });
    const [from, to] = cluster.primaries as [RedisServer, RedisServer];
    const [source, target] = await Promise.all([from, to].map((node) => node.command<string>('CLUSTER', 'MYID')));
    const keyOf = (id: string): string => `session:s:${id}`;
    const slotOf = (id: string) => from.command<number>('CLUSTER', 'KEYSLOT', keyOf(id));
    // One that is with the first of them.
    let session = await store.create(newSession());
    while ((await slotOf(session.id)) > 5_000) session = await store.create(newSession());
    const { id } = session;
    const slot = String(await slotOf(id));
    const use = async (): Promise<void> => {
      const { generation, data } = (await store.find(id)) as StoredSession;
      const { n = 0 } = JSON.parse(data) as { n?: number };
      expect(await store.commit(id, generation, setting({ n: n + 1 }))).not.toBeNull();
      const signedIn = await store.login(loginOf(id, generation));
      expect(JSON.parse(signedIn?.data ?? '')).toEqual({ n: n + 1 });
    };
    await use();
    await to.command('CLUSTER', 'SETSLOT', slot, 'IMPORTING', source as string);
    await from.command('CLUSTER', 'SETSLOT', slot, 'MIGRATING', target as string);
    await use();
    await from.command('MIGRATE', '127.0.0.1', String(to.port), keyOf(id), '0', '5000');
    await use();
    for (const node of [to, from]) await node.command('CLUSTER', 'SETSLOT', slot, 'NODE', target as string);
    await use();
    expect((await store.findByUser('ada')).map((listed) => listed.id)).toEqual([id]);
    expect((await store.find(id))?.data).toBe('{"n":4}');
    expect(await store.delete(id, null)).toBe(true);
  });

  it('has ended, and replicas have confirmed it, while the slot is on its way', async () => {
    const { cluster, stores } = fixture;
    const store = await stores.open({ nodes: cluster.urls }, { queryTimeout: 1_000 });
    const [, from, to] = cluster.primaries as [RedisServer, RedisServer, RedisServer];
    const [source, target] = await Promise.all([from, to].map((node) => node.command<string>('CLUSTER', 'MYID')));
    const sessionThere = async (): Promise<readonly [string, string]> => {
      for (;;) {
        const { id } = await store.create(newSession());
        const slot = await from.command<number>('CLUSTER', 'KEYSLOT', `session:s:${id}`);
        // Of the second of them.
        if (slot > 6_000 && slot < 10_000) return [id, String(slot)];
      }
    };
    const [[, other], [id, slot]] = [await sessionThere(), await sessionThere()];
    expect(slot).not.toBe(other);
    await to.command('CLUSTER', 'SETSLOT', slot, 'IMPORTING', source as string);
    await from.command('CLUSTER', 'SETSLOT', slot, 'MIGRATING', target as string);
    expect(await store.delete(id, null)).toBe(true);
    expect(await store.delete(id, null)).toBe(false);
    for (const node of [to, from]) await node.command('CLUSTER', 'SETSLOT', slot, 'NODE', target as string);
    await expect(store.confirmEnd(id)).resolves.toBeUndefined();
  });
});

describeWithRedis('A cluster with a primary that hangs for good', () => {
  it(
    'serves its sessions again once its replica has taken over, while requests go on',
    async () => {
      const hung = FAULTS.find((one) => one.name === 'hung') as Fault;
      const outcome = await play(hung, { waitForReplicas: 0 }, 20_261_129);
      expect(outcome.wrong).toBe(0);
      expect(outcome.recovery).toBeLessThan(BACK);
    },
    PATIENCE,
  );

  it.each([
    ['nobody uses the others', 3, false],
    ['the others are used', 3, true],
    ['it is the only one that was named', 1, false],
  ])(
    'has another in its place, though it was the last to answer, where %s',
    async (_others, named, areOthersUsed) => {
      const cluster = await startRedisCluster();
      const stores = new RedisStores();
      try {
        const nodes = cluster.urls.slice(0, named);
        const store = await stores.open({ nodes, waitForReplicas: 0 }, { queryTimeout: 1_000 });
        const [hanging, other] = cluster.primaries as [RedisServer, RedisServer];
        const sessionOn = async (node: RedisServer): Promise<StoredSession> => {
          for (;;) {
            const session = await store.create(newSession());
            const found = await node.command('EXISTS', `session:s:${session.id}`).catch(() => 0);
            if (found === 1) return session;
          }
        };
        const used = await sessionOn(other);
        const { id } = await sessionOn(hanging);
        const find = async (session: string): Promise<boolean> =>
          (await store.find(session).catch(() => null)) !== null;
        await until(async () => (await cluster.replicas[0]?.command<number>('DBSIZE')) !== 0);
        expect(await find(id)).toBe(true);
        hanging.process.kill('SIGSTOP');
        await until(async () => {
          if (areOthersUsed) void find(used.id);
          return find(id);
        }, 2 * BACK);
      } finally {
        await stores.close();
        await cluster.stop();
      }
    },
    PATIENCE,
  );
});
