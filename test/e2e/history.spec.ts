import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { SessionModuleOptions } from 'nestjs-mikro-session';
import { FAULTS, type Fault } from '../failover/faults.js';
import { createDatabase } from '../support/database.js';
import { describeWithRedis } from '../support/describe-with-redis.js';
import { startRedisCluster, type TestRedisCluster } from '../support/redis-cluster.js';

const RUN = fileURLToPath(new URL('../history/dist/run.js', import.meta.url));
/** In milliseconds. Interrupted then, it ends its servers and says how far it came. */
const PATIENCE = 60_000;

interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

const ENCRYPTION = { keys: [randomBytes(32).toString('base64')] };
// So long that only messages can explain that changes are seen.
const CACHE = { ttl: '1h' } as const;

async function expectNoViolation(
  operations: string,
  options: SessionModuleOptions,
  where: string[],
  env = {},
): Promise<void> {
  const args = [RUN, '--operations', operations, '--options', JSON.stringify(options), ...where];
  const running = promisify(execFile)(process.execPath, args, {
    env: { ...process.env, ...env },
    timeout: PATIENCE,
    maxBuffer: 64 * 1024 * 1024,
  });
  // It fails when a promise is broken; what it printed tells the history around it, and the seed.
  const { stdout, stderr } = await running.catch((failure: unknown) => failure as Output);
  expect(stderr).toBe('');
  expect(stdout).toContain('\nNo violations.\n');
  expect(stdout).toContain('\n0 ambiguous;');
}

// The same with a million operations: npm run check:history.
it.each<[string, string, SessionModuleOptions]>([
  ['as they are', '4000', {}],
  ['with the cache', '2000', { cache: CACHE }],
  ['with encryption', '2000', { encryption: ENCRYPTION }],
  ['with the cache and encryption', '2000', { cache: CACHE, encryption: ENCRYPTION }],
])(
  'keeps every promise to clients that share sessions through two processes, %s',
  async (_how, operations, options) => {
    const database = await createDatabase();
    try {
      await expectNoViolation(operations, options, [], { DATABASE_URL: database.url });
    } finally {
      await database.drop();
    }
  },
  2 * PATIENCE,
);

describeWithRedis('A Redis Cluster', () => {
  let cluster: TestRedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  });
  afterAll(() => cluster.stop());
  const inRedis = (): string[] => ['--redis', cluster.urls.join(',')];

  it.each<[string, SessionModuleOptions]>([
    ['as they are', {}],
    ['with encryption', { encryption: ENCRYPTION }],
  ])(
    'keeps every promise to clients that share sessions through two processes, %s',
    (_how, options) => expectNoViolation('2000', options, inRedis()),
    2 * PATIENCE,
  );

  it(
    'keeps them while 2,000 slots move from one primary to another',
    async () => {
      const resharding = FAULTS.find(({ name }) => name === 'resharded') as Fault;
      await Promise.all([expectNoViolation('4000', {}, inRedis()), resharding.happen(cluster)]);
    },
    2 * PATIENCE,
  );
});
