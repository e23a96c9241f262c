import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Cleanup } from './cleanup.js';
import { type PostgresServer, type PostgresSettings, SETTINGS, startPostgres } from './postgres-server.js';
import { type RedisKind, type RedisServer, startRedis } from './redis-server.js';

/** What the contestants stand on. */
export interface Environment {
  readonly postgres: PostgresServer;
  /** Those that were asked for. */
  readonly redis: ReadonlyMap<string, RedisServer>;
  /** For files that are gone afterwards. */
  readonly folder: string;
  stop(): Promise<void>;
}

/** In the project's folder, not in the system's temporary one: that may be in memory, where `fsync` costs nothing. */
const HOME = join(import.meta.dirname, '..', '..', '.data');

/**
 * @param kinds of Redis, besides PostgreSQL
 * @param settings of a PostgreSQL that is started for the run
 */
export async function startEnvironment(
  kinds: readonly RedisKind[] = [],
  settings: PostgresSettings = SETTINGS,
): Promise<Environment> {
  const cleanup = new Cleanup();
  try {
    await mkdir(HOME, { recursive: true });
    const folder = await mkdtemp(join(HOME, 'run-'));
    cleanup.add(() => rm(folder, { recursive: true, force: true }));
    // The server's user must be able to walk through it.
    await chmod(folder, 0o755);
    const postgres = await startPostgres(join(folder, 'postgres'), settings);
    cleanup.add(() => postgres.stop());
    const redis = new Map<string, RedisServer>();
    for (const kind of kinds) {
      const server = await startRedis(kind, folder);
      cleanup.add(() => server.stop());
      redis.set(kind, server);
    }
    return { postgres, redis, folder, stop: () => cleanup.run() };
  } catch (error) {
    await cleanup.run();
    throw error;
  }
}
