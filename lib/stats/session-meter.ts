import type { AdoptionMeter } from './adoption-meter.js';
import type { CacheStats, FeedStats, SessionStats, TokenRejection } from './session-stats.js';
import { StoreMeter } from './store-meter.js';

/** What is counted by one registration of the module: numbers that are added to as things happen. */
export class SessionMeter {
  readonly tokens = { accepted: 0, inGrace: 0 };
  readonly rejected: Record<TokenRejection, number> = {
    malformed: 0,
    unknown: 0,
    wrong_secret: 0,
    superseded: 0,
    replaced: 0,
    ambiguous: 0,
  };
  readonly origins = { refused: 0 };
  readonly lookups = { total: 0, found: 0, failed: 0 };
  /** By the type of the event. */
  readonly events = {
    created: 0,
    loaded: 0,
    renewed: 0,
    rotated: 0,
    login: 0,
    logout: 0,
    destroyed: 0,
    revoked: 0,
    expired: 0,
  };
  readonly commits = { written: 0, conflicts: 0, failed: 0 };
  readonly renewals = { requested: 0, written: 0, failures: 0, refused: 0 };
  readonly sweeps = { batches: 0, failures: 0 };
  readonly store = new StoreMeter();
  /** Whether the store counts there. */
  isStoreMetered = false;
  /** What the cache says of itself, where there is one. */
  cache: (() => CacheStats) | null = null;

  readonly #since = Date.now();
  #feed: FeedStats | null = null;
  #adoption: AdoptionMeter | null = null;

  feedConnected(connected: boolean): void {
    const { connected: before = true, losses = 0 } = this.#feed ?? {};
    this.#feed = { connected, losses: losses + (before && !connected ? 1 : 0) };
  }

  /** What is taken over is counted from now on. */
  startAdoption(): AdoptionMeter {
    return (this.#adoption ??= { adopted: 0, refused: 0, failed: 0 });
  }

  stats(): SessionStats {
    const { tokens, rejected, origins, lookups, events, commits, renewals, sweeps, store } = this;
    return frozen({
      since: this.#since,
      tokens: { ...tokens, rejected: { ...rejected } },
      origins: { ...origins },
      lookups: { ...lookups },
      sessions: {
        created: events.created,
        loggedIn: events.login,
        loggedOut: events.logout,
        rotated: events.rotated,
        destroyed: events.destroyed,
        revoked: events.revoked,
        expired: events.expired,
      },
      commits: { ...commits },
      renewals: { ...renewals, waiting: store.queues.renew.waiting, oldest: store.oldestRenewal() },
      sweeps: { ...sweeps },
      feed: this.#feed === null ? null : { ...this.#feed },
      cache: this.cache?.() ?? null,
      adoption: this.#adoption === null ? null : { ...this.#adoption },
      queues: this.isStoreMetered ? store.queueStats() : null,
      statements: this.isStoreMetered ? store.statementStats() : null,
    });
  }
}

/** The same, with all that is in it, unchangeable. */
function frozen<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null) {
    for (const member of Object.values(value)) frozen(member);
    Object.freeze(value);
  }
  return value;
}
