import { setTimeout as wait } from 'node:timers/promises';
import { RedisSessionStore, type RedisSessionStoreOptions } from 'nestjs-mikro-session/redis';
import { Random } from '../history/random.js';
import { startRedisCluster } from '../support/redis-cluster.js';
import type { Fault } from './faults.js';
import { type Verdict, Visitor } from './visitor.js';

const VISITORS = 24;
/** In milliseconds. */
const BEFORE = 1_500;
const AFTER = 3_000;
const PACE = 4;
const QUERY_TIMEOUT = 1_000;

/** What a store waits for. */
export type Durability = Pick<RedisSessionStoreOptions, 'waitForReplicas' | 'waitForReplicasOnCommit'>;

/** What came of a fault. */
export interface Outcome extends Verdict {
  acknowledged: number;
  refused: number;
  /** From the end of the fault until the last refusal, in milliseconds. */
  recovery: number;
  slowest: number;
}

/** Two stores, as of two processes, on a new cluster. */
export async function play(fault: Fault, durability: Durability, seed: number): Promise<Outcome> {
  const cluster = await startRedisCluster();
  const listener = {
    renewed: () => {},
    renewalFailed: () => {},
    renewalRefused: () => {},
    changed: () => {},
    feedConnected: () => {},
  };
  const open = async (): Promise<RedisSessionStore> => {
    const module = { maxDataBytes: 65_536, queryTimeout: QUERY_TIMEOUT };
    const store = new RedisSessionStore({ nodes: cluster.urls, ...durability }, module);
    await store.open(listener);
    return store;
  };
  const stores = [await open(), await open()];
  try {
    const visitors = Array.from({ length: VISITORS }, (_, index) => {
      const random = Random.of(seed, index);
      return new Visitor(`visitor${index}`, stores, () => random.integer(0, 2 ** 31) / 2 ** 31);
    });
    let isOver = false;
    const going = Promise.all(
      visitors.map(async (visitor) => {
        while (!isOver) {
          await visitor.step();
          await wait(PACE);
        }
      }),
    );
    await wait(BEFORE);
    await Promise.race([fault.happen(cluster), going]);
    const over = performance.now();
    await wait(AFTER);
    isOver = true;
    await going;
    const verdicts = await Promise.all(visitors.map((visitor) => visitor.verdict(stores[0] as RedisSessionStore)));
    const sum = (of: (index: number) => number): number => visitors.reduce((all, _, index) => all + of(index), 0);
    const most = (of: (visitor: Visitor) => number): number => Math.max(...visitors.map(of));
    return {
      lost: sum((index) => (verdicts[index] as Verdict).lost),
      revived: sum((index) => (verdicts[index] as Verdict).revived),
      wrong: sum((index) => (verdicts[index] as Verdict).wrong),
      acknowledged: sum((index) => (visitors[index] as Visitor).acknowledged),
      refused: sum((index) => (visitors[index] as Visitor).refused),
      recovery: Math.max(0, Math.round(most(({ lastRefusal }) => lastRefusal) - over)),
      slowest: Math.round(most(({ slowest }) => slowest)),
    };
  } finally {
    await Promise.all(stores.map((store) => store.close()));
    await cluster.stop();
  }
}
