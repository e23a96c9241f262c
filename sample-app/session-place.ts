import type { DynamicModule } from '@nestjs/common';
import { AppModule } from './app.module.js';
import { migrate, openDatabase } from './database.js';
import { startLocalRedis } from './local-redis.js';
import { StartupError } from './startup-error.js';

/** Where the shop keeps its sessions, for as long as the process runs. */
export interface SessionPlace {
  /** The shop, with its sessions there. */
  app(): Promise<DynamicModule>;
  release(): Promise<void>;
}

/** The place that `SESSION_STORE` names: `postgres`, as without it, or `redis`. @throws {StartupError} for any other */
export async function openSessionPlace(): Promise<SessionPlace> {
  const name = process.env.SESSION_STORE || 'postgres';
  if (name === 'postgres') return openPostgres();
  if (name === 'redis') return openRedis();
  throw new StartupError(`SESSION_STORE must be "postgres" or "redis", but is "${name}".`);
}

async function openPostgres(): Promise<SessionPlace> {
  const database = await openDatabase();
  return {
    async app() {
      await migrate(database.url);
      return AppModule.forDatabase(database.url);
    },
    release: () => database.release(),
  };
}

/** The Redis that `REDIS_URL` names, or else one of this process's own. */
async function openRedis(): Promise<SessionPlace> {
  const named = process.env.REDIS_URL;
  if (named) return { app: async () => AppModule.forRedis(named), release: async () => {} };
  const redis = await startLocalRedis();
  return { app: async () => AppModule.forRedis(redis.url), release: () => redis.stop() };
}
