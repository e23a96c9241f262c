import { randomInt } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { RedisSessionStore, type RedisSessionStoreOptions } from 'nestjs-mikro-session/redis';
import { Random } from '../history/random.js';
import { startRedisCluster } from '../support/redis-cluster.js';
import { type Fault, FAULTS } from './faults.js';
import { type Verdict, Visitor } from './visitor.js';

const VISITORS = 24;
/** In milliseconds. */
const BEFORE = 1_500;
const AFTER = 3_000;
const PACE = 4;
const QUERY_TIMEOUT = 1_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: 'string', default: String(randomInt(2 ** 31)) }, rounds: { type: 'string', default: '3' } },
});

const say = (text: string): boolean => process.stdout.write(`${text}\n`);

type Durability = Pick<RedisSessionStoreOptions, 'waitForReplicas' | 'waitForReplicasOnCommit'>;

const DURABILITIES: readonly (readonly [string, Durability])[] = [
  ['none', { waitForReplicas: 0 }],
  ['logins and ends', { waitForReplicas: 1 }],
  ['all writes', { waitForReplicas: 1, waitForReplicasOnCommit: true }],
];

interface Outcome extends Verdict {
  acknowledged: number;
  refused: number;
  /** From the end of the fault until the last refusal, in milliseconds. */
  recovery: number;
  slowest: number;
}

/** Two stores, as of two processes, on a new cluster. */
async function play(fault: Fault, durability: Durability, seed: number): Promise<Outcome> {
  const cluster = await startRedisCluster();
  const listener = {
    ...{ renewed: () => {}, renewalFailed: () => {}, renewalRefused: () => {} },
    ...{ changed: () => {}, feedConnected: () => {} },
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

/** Whether nothing was wrong, and nothing lost or revived where all waited for replicas. */
async function main(): Promise<boolean> {
  const rounds = Number(values.rounds);
  const seed = Number(values.seed);
  let isKept = true;
  say(`seed ${seed}, ${rounds} rounds of each\n`);
  say('| fault | waits for a replica | acknowledged | refused | longest | recovery | lost | revived | wrong |');
  say('| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |');
  for (const fault of FAULTS) {
    if (positionals.length > 0 && !positionals.includes(fault.name)) continue;
    for (const [name, durability] of DURABILITIES) {
      const outcomes: Outcome[] = [];
      for (let round = 0; round < rounds; round++) outcomes.push(await play(fault, durability, seed + round));
      const total = (key: keyof Outcome): number => outcomes.reduce((sum, outcome) => sum + outcome[key], 0);
      const most = (key: keyof Outcome): number => Math.max(...outcomes.map((outcome) => outcome[key]));
      const cells = [
        ...[`\`${fault.name}\`: ${fault.title}`, name, total('acknowledged'), total('refused')],
        ...[`${most('slowest')} ms`, `${most('recovery')} ms`, total('lost'), total('revived'), total('wrong')],
      ];
      say(`| ${cells.join(' | ')} |`);
      if (total('wrong') > 0 || (name === 'all writes' && total('lost') + total('revived') > 0)) isKept = false;
    }
  }
  return isKept;
}

main().then(
  (isKept) => {
    process.exitCode = isKept ? 0 : 1;
  },
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exitCode = 2;
  },
);
