import { Inject, Injectable } from '@nestjs/common';
import { type Duration, durationOf } from '../session/lifetime.js';
import { createSessionId } from '../session/token.js';
import { SessionManager } from '../session-manager.js';
import { type ResolvedSessionOptions, SESSION_OPTIONS } from '../session.options.js';
import { SessionStore } from '../session-store.js';
import { shownError, shownMessage } from '../shown.js';
import { withTimeLimit } from '../store/time-limit.js';

/** How the health of sessions is looked at. */
export interface SessionHealthOptions<Degraded extends 'degraded' | 'up' = 'degraded'> {
  /** How long the store may take to answer. @default the option `queryTimeout` */
  readonly timeout?: Duration;
  /**
   * What a degraded store is reported as. Terminus 12 knows `degraded`, and answers 200 to it; for an older one say `'up'`.
   * @default 'degraded'
   */
  readonly degradedAs?: Degraded;
}

/** How the sessions of this process are. */
export interface SessionHealth<Status extends string = 'up' | 'degraded' | 'down'> {
  /**
   * - `up`: the store answers.
   * - `degraded`: it does, but renewals wait longer than they should, or the cache does not hear of other processes' changes.
   *   Requests are served.
   * - `down`: the store does not answer. Requests with a session are answered 503.
   */
  readonly status: Status;
  /** Why it is not `up`, without anything that is secret; absent otherwise. */
  readonly reasons?: readonly string[];
  /** How long the store took to answer, or was waited for, in milliseconds. */
  readonly responseTime: number;
}

/**
 * The health of sessions, for `@nestjs/terminus` or anything else that asks. `SessionModule` provides it.
 *
 * ```ts
 * @Get('health') @Public() @SkipSession() @HealthCheck() check() {
 *   return this.health.check([() => this.sessions.isHealthy()]);
 * }
 * ```
 */
@Injectable()
export class SessionHealthIndicator {
  readonly #store: SessionStore;
  readonly #manager: SessionManager;
  readonly #options: ResolvedSessionOptions;

  constructor(
    @Inject(SessionStore) store: SessionStore,
    @Inject(SessionManager) manager: SessionManager,
    @Inject(SESSION_OPTIONS) options: ResolvedSessionOptions,
  ) {
    this.#store = store;
    this.#manager = manager;
    this.#options = options;
  }

  /**
   * Looks up a session that does not exist, as a request does: what is asked is the store itself, not a cache. Never rejects
   * for a store that fails: that is `down`.
   *
   * @param key the name in the result @default 'sessions'
   * @throws {SessionArgumentError} for a `timeout` that is no duration.
   */
  async isHealthy<const Key extends string = 'sessions', Degraded extends 'degraded' | 'up' = 'degraded'>(
    key: Key = 'sessions' as Key,
    options: SessionHealthOptions<Degraded> = {},
  ): Promise<Record<Key, SessionHealth<'up' | 'down' | Degraded>>> {
    const { timeout, degradedAs = 'degraded' as Degraded } = options;
    const limit = timeout === undefined ? this.#options.queryTimeout : durationOf('timeout', timeout);
    const since = performance.now();
    const failure = await this.#failure(limit);
    const reasons = failure === null ? this.#troubles() : [failure];
    const status = failure !== null ? 'down' : reasons.length > 0 ? degradedAs : 'up';
    const responseTime = Math.round(performance.now() - since);
    const health: SessionHealth<'up' | 'down' | Degraded> = {
      status,
      ...(reasons.length > 0 && { reasons }),
      responseTime,
    };
    return { [key]: health } as Record<Key, typeof health>;
  }

  /** Why the store does not answer; `null` where it does. @param limit in milliseconds */
  async #failure(limit: number): Promise<string | null> {
    try {
      const found = this.#store.find(createSessionId()).then(() => null);
      return await withTimeLimit(found, limit, () => `The session store did not answer within ${limit} ms.`);
    } catch (error) {
      return error instanceof Error ? shownMessage(error) : shownError(error);
    }
  }

  /** What is not as it should be, though the store answers. */
  #troubles(): string[] {
    const { renewals, feed } = this.#manager.meter.stats();
    const { renewal, queryTimeout } = this.#options;
    const troubles: string[] = [];
    // As long as they are collected, and two attempts to write them.
    const longest = renewal.flushEvery + 2 * queryTimeout;
    if (renewals.oldest > longest) {
      troubles.push(`Renewals wait to be written, the oldest for ${Math.round(renewals.oldest)} ms.`);
    }
    if (feed?.connected === false) {
      troubles.push('The cache does not hear of the changes of other processes, and keeps nothing until it does.');
    }
    return troubles;
  }
}
