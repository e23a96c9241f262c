import type { RedisKind } from './environment/redis-server.js';

/** Which HTTP framework carries Nest. */
export type Platform = 'express' | 'fastify';

/** One server that is measured. */
export interface Contestant {
  readonly name: string;
  readonly platform: Platform;
  /** The file in `servers/` that starts it. */
  readonly server:
    | 'bare'
    | 'interceptor'
    | 'ours'
    | 'express-session'
    | 'fastify-session'
    | 'mikro-orm'
    | 'with-module'
    | 'without-module';
  /** Where its sessions live. */
  readonly store: 'none' | 'postgres' | RedisKind;
  /** For the server; the options of `SessionModule`, where it is ours. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** The options of `redisSessionStore()`, where ours is on a Redis. */
  readonly redisOptions?: Readonly<Record<string, unknown>>;
  /** How many partitions its table has; none unless given. */
  readonly partitions?: number;
  /** The sum of all counters, in SQL, where SQL can read them: no request that was answered may be missing. */
  readonly sumOfCounts?: string;
  /** How many sessions there are (`sessions`), and how many of them are somebody's (`owned`), in SQL, where SQL can tell. */
  readonly census?: string;
  /** Whether `--quick` measures it. */
  readonly isEssential?: boolean;
  /** Whether its logins and first writes are measured. */
  readonly signsIn?: boolean;
  /** Whether it is measured with most connections only, and not at a fixed rate. */
  readonly isAside?: boolean;
}

/** Whether it is ours with its default options. */
export function isOursByDefault({ server, store, partitions, options = {} }: Contestant): boolean {
  return server === 'ours' && store === 'postgres' && partitions === undefined && Object.keys(options).length === 0;
}

/** Whether it keeps its sessions in a Redis. */
export function needsRedis({ store }: Contestant): boolean {
  return store !== 'none' && store !== 'postgres';
}

const bare = (platform: Platform, isEssential: boolean): Contestant => ({
  name: `bare ${platform}`,
  platform,
  server: 'bare',
  store: 'none',
  isEssential,
});

const ours = (name: string, platform: Platform, options: Contestant['options'] = {}): Contestant => ({
  name,
  platform,
  server: 'ours',
  store: 'postgres',
  options,
  ...('encryption' in options ? {} : { sumOfCounts: `select sum((data->>'count')::int) from sessions` }),
});

const OWNED = `select count(*) as sessions, count(user_id) as owned from sessions`;
const CONNECT_PG_SIMPLE = `select sum((sess->>'count')::int) from session`;

/** Room for all sessions of the benchmark, and time enough to be found again. */
const CACHE = { max: 16_384, ttl: '1m' };
const ENCRYPTION = { keys: ['00'.repeat(32)] };

/** A variant of ours is one more line. */
export const CONTESTANTS: readonly Contestant[] = [
  bare('express', true),
  {
    name: 'bare express + an empty interceptor',
    platform: 'express',
    server: 'interceptor',
    store: 'none',
    isAside: true,
  },
  { ...ours('ours on express', 'express'), census: OWNED, isEssential: true, signsIn: true },
  { ...ours('ours on express, interceptor: false', 'express', { interceptor: false }), isEssential: true },
  ours('ours on express, cached', 'express', { cache: CACHE }),
  {
    ...ours('ours on express, cached, interceptor: false', 'express', { cache: CACHE, interceptor: false }),
    isAside: true,
  },
  ours('ours on express, encrypted', 'express', { encryption: ENCRYPTION }),
  { ...ours('ours on express, 16 partitions', 'express'), partitions: 16, isAside: true },
  {
    name: 'express-session + connect-pg-simple',
    platform: 'express',
    server: 'express-session',
    store: 'postgres',
    sumOfCounts: CONNECT_PG_SIMPLE,
    census: `select count(*) as sessions, count(sess->>'userId') as owned from session`,
    isEssential: true,
    signsIn: true,
  },
  {
    name: 'express-session + connect-redis',
    platform: 'express',
    server: 'express-session',
    store: 'redis',
    isEssential: true,
    signsIn: true,
  },
  {
    name: 'express-session + connect-redis, durable',
    platform: 'express',
    server: 'express-session',
    store: 'durable redis',
    signsIn: true,
  },
  {
    name: 'MikroORM find + flush',
    platform: 'express',
    server: 'mikro-orm',
    store: 'postgres',
    sumOfCounts: `select sum((data->>'count')::int) from plain_session`,
    isAside: true,
  },
  bare('fastify', false),
  ours('ours on fastify', 'fastify'),
  { ...ours('ours on fastify, interceptor: false', 'fastify', { interceptor: false }), isAside: true },
  {
    name: '@fastify/session + connect-pg-simple',
    platform: 'fastify',
    server: 'fastify-session',
    store: 'postgres',
    sumOfCounts: CONNECT_PG_SIMPLE,
  },
];
