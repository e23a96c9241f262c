/**
 * Sessions in Redis or Valkey, single or a cluster: `nestjs-mikro-session/redis`. It needs the package `redis`.
 *
 * @module
 */
import { SESSION_OPTIONS } from '../session.options.js';
import { type RedisModuleOptions, RedisSessionStore } from '../store/redis/redis.session-store.js';
import type { RedisSessionStoreOptions } from '../store/redis/redis-options.js';

export { type RedisModuleOptions, RedisSessionStore } from '../store/redis/redis.session-store.js';
export type { RedisSessionStoreOptions } from '../store/redis/redis-options.js';

/**
 * The option `store` of `SessionModule.forRoot()`, for sessions in Redis:
 *
 * ```ts
 * SessionModule.forRoot({ store: redisSessionStore({ nodes: ['redis://10.0.0.1:6379', 'redis://10.0.0.2:6379'] }) });
 * ```
 *
 * @throws {SessionConfigurationError} at start, for a wrong option.
 */
export function redisSessionStore(options: RedisSessionStoreOptions): {
  readonly useFactory: (module: RedisModuleOptions) => RedisSessionStore;
  readonly inject: [typeof SESSION_OPTIONS];
} {
  return { useFactory: (module) => new RedisSessionStore(options, module), inject: [SESSION_OPTIONS] };
}
