/** Which HTTP framework carries Nest. */
export type Platform = 'express' | 'fastify';

/** One server that is measured. */
export interface Contestant {
  readonly name: string;
  readonly platform: Platform;
  /** The file in `servers/` that starts it. */
  readonly server: 'bare' | 'ours' | 'express-session' | 'fastify-session' | 'mikro-orm';
  /** Where its sessions live. */
  readonly store: 'none' | 'postgres' | 'redis';
  /** For the server; the options of `SessionModule`, where it is ours. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** The sum of all counters, in SQL, where SQL can read them: no request that was answered may be missing. */
  readonly sumOfCounts?: string;
  /** Whether `--quick` measures it. */
  readonly isEssential?: boolean;
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

const CONNECT_PG_SIMPLE = `select sum((sess->>'count')::int) from session`;

/** A variant of ours is one more line: `ours('ours on express, cached', 'express', { cache: true })`. */
export const CONTESTANTS: readonly Contestant[] = [
  bare('express', true),
  { ...ours('ours on express', 'express'), isEssential: true },
  {
    name: 'express-session + connect-pg-simple',
    platform: 'express',
    server: 'express-session',
    store: 'postgres',
    sumOfCounts: CONNECT_PG_SIMPLE,
    isEssential: true,
  },
  {
    name: 'express-session + connect-redis',
    platform: 'express',
    server: 'express-session',
    store: 'redis',
    isEssential: true,
  },
  {
    name: 'MikroORM find + flush',
    platform: 'express',
    server: 'mikro-orm',
    store: 'postgres',
    sumOfCounts: `select sum((data->>'count')::int) from plain_session`,
  },
  bare('fastify', false),
  ours('ours on fastify', 'fastify'),
  {
    name: '@fastify/session + connect-pg-simple',
    platform: 'fastify',
    server: 'fastify-session',
    store: 'postgres',
    sumOfCounts: CONNECT_PG_SIMPLE,
  },
];
