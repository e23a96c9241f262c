import { LostTime } from '../../lost-time.js';
import { outsideRequests } from '../../outside-requests.js';
import { untilDeadline } from '../../until-deadline.js';
import type { Query } from './connections.js';
import type { RawQuery } from './raw-query.js';

/** The longest that a server may take for a new connection, and for what prepares it, in milliseconds: it may have to wake up first. */
export const LONGEST_CONNECTING = 10_000;
/**
 * How long a connection is idle before TCP shows that it is there, in milliseconds: firewalls forget those that say nothing for some minutes,
 * such as the one that holds the lease of the sweep.
 */
const KEEP_ALIVE_AFTER = 60_000;

/**
 * The parts of a pool of `pg` that the store uses. With callbacks, where it is used all the time: the promises that `pg`
 * makes keep each other alive, and with them all rows they ever brought, until the next major collection of garbage. Under
 * load each minor one takes several times as long then.
 */
export interface PgPool {
  connect(done: (error: Error | undefined, client: PgClient) => void): void;
  on(event: 'error', listener: () => void): void;
  on(event: 'connect', listener: (client: PgClient) => void): void;
  readonly idleCount: number;
  readonly options: PgPoolOptions;
  readonly Client: PgClientClass;
}

/** A client of `pg`: what is documented of it. */
export interface PgClient {
  query(query: Query | RawQuery, done: (error: Error | null, result: { rows?: unknown[] }) => void): void;
  release(destroy: boolean): void;
  connect(done: (error?: Error | null) => void): void;
  end(done: () => void): void;
  on(event: string, listener: (message: { payload?: string }) => void): void;
  /** What it talks through, as it is in this version. */
  readonly connection?: { readonly stream?: { destroy?(): void } } | null;
}

/** Settings that a pool of `pg` and its clients share. */
export interface PgPoolOptions {
  readonly password?: unknown;
  readonly max?: number;
  /** For a connection that is made, and for one that is waited for; 0 for ever. */
  readonly connectionTimeoutMillis?: number;
  /** The application's own way to the server. */
  readonly stream?: unknown;
}

export type PgClientClass = new (options: object) => PgClient;

/**
 * A pool of the sessions' own, with the settings of MikroORM's: what the application does to its connections (a role, a
 * tenant, a setting), or how many of them its handlers hold, must not reach the sessions, and sessions that wait for a lock
 * must not use up the application's (docs/decisions/0015).
 *
 * @param patience how long a server may take to accept one of several connections, in milliseconds
 * @param onPoolCreated what the application does to a pool of MikroORM's
 */
export function sessionPool(
  theirs: PgPool,
  patience: number,
  onPoolCreated: ((pool: unknown) => unknown) | undefined,
): PgPool {
  const Pool = theirs.constructor as new (options: object) => PgPool;
  const options = connectionOptions(theirs);
  const pool = new Pool({
    // A stream of the application's may not know of it.
    keepAlive: options.stream === undefined,
    keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER,
    ...options,
    // Who waits for a connection stays in the pool's queue when the operation is given up, and the queue would grow for ever.
    connectionTimeoutMillis: options.connectionTimeoutMillis || Math.max(LONGEST_CONNECTING, patience),
    Client: impatient(theirs.Client, patience),
    // A process that has nothing else to do need not stay for them.
    allowExitOnIdle: true,
  });
  // What is under way on a connection that fails rejects by itself, and the pool drops the connection.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  void onPoolCreated?.(pool);
  return pool;
}

/** The settings of a pool; `pg` keeps the password from being listed. */
export function connectionOptions({ options }: PgPool): PgPoolOptions {
  return { ...options, password: options.password };
}

/**
 * A server, or what is in front of it, may take connections and say nothing. So that those do not fill the pool for good, all
 * but the oldest attempt are given up after a while; that one has longer, for a server that is slow to accept any. Time that this
 * process lost does not count.
 */
function impatient(Client: PgClientClass, patience: number): PgClientClass {
  /** The connections that are being made, oldest first. */
  const attempts = new Set<PgClient>();
  const lost = new LostTime();
  return class extends Client {
    override connect(done: (error?: Error | null) => void): void {
      if (attempts.size === 0) lost.start();
      attempts.add(this);
      const begun = lost.time();
      const isOldest = (): boolean => attempts.values().next().value === this;
      const limit = (): number => (isOldest() ? Math.max(LONGEST_CONNECTING, patience) : patience);
      const over = Promise.withResolvers<void>();
      const connect = super.connect.bind(this);
      outsideRequests(() =>
        connect((error) => {
          attempts.delete(this);
          if (attempts.size === 0) lost.stop();
          over.resolve();
          done(error);
        }),
      );
      const left = (): number => begun + limit() - lost.time();
      untilDeadline(over.promise, left, () => new Error('late')).catch(() => giveUp(this));
    }
  };
}

/** Has the attempt to connect fail, which the pool then knows. */
function giveUp({ connection }: PgClient): void {
  connection?.stream?.destroy?.();
}
