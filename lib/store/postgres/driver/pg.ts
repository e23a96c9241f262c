import { SessionSetupError } from '../../../session.errors.js';
import { connectionsOfKysely, type KyselyInstance } from './kysely.js';
import { connectionsOfPglite, type PgliteInstance } from './pglite.js';
import { RawQuery } from './raw-query.js';

/** A statement, as `pg` takes it. */
export interface Query {
  readonly name?: string;
  readonly text: string;
  readonly values: unknown[];
  /** Whether rows come as lists of what PostgreSQL writes, instead of as objects. Values are texts, numbers and truth values then. */
  readonly isRaw?: boolean;
}

/** What takes statements. */
export interface Queryable {
  /** Several statements in one text have no values, and a list of results, whose rows nobody looks at. */
  query(query: Query): Promise<{ rows?: unknown[] }>;
}

/** A connection that somebody has to themselves for a while. */
export interface PoolClient extends Queryable {
  /** @param destroy whether it is in a state, or in a transaction, that nobody should find it in */
  release(destroy: boolean): void;
}

/** A connection that is no pool's. */
export interface LoneConnection extends Queryable {
  connect(): Promise<void>;
  end(): Promise<void>;
  on(event: 'error' | 'end', listener: () => void): void;
  on(event: 'notification', listener: (message: { payload?: string | undefined }) => void): void;
}

/** Where connections come from. */
export interface Connections extends Queryable {
  /** @param isForTransaction whether a transaction will be begun on it */
  connect(isForTransaction: boolean): Promise<PoolClient>;
  /** A connection for what lasts, which is not the pool's: a pool may consist of one. `null` where there can be none. */
  readonly lone: (() => LoneConnection) | null;
  /** Whether a query may say in which form it wants its rows. */
  readonly givesRawRows: boolean;
}

/**
 * The parts of a pool of `pg` that the store uses. With callbacks, where it is used all the time: the promises that `pg`
 * makes keep each other alive, and with them all rows they ever brought, until the next major collection of garbage. Under
 * load each minor one takes several times as long then.
 */
interface Pool extends Queryable {
  connect(done: (error: Error | undefined, client: PgClient) => void): void;
  readonly options: object;
  readonly Client: new (options: object) => LoneConnection;
}

interface PgClient {
  query(query: Query | RawQuery, done: (error: Error | null, result: { rows?: unknown[] }) => void): void;
  release(destroy: boolean): void;
}

/** The parts of MikroORM's connection that the store uses. */
export interface OrmConnection {
  getNativeClient?(): Promise<unknown>;
  getClient(): unknown;
  execute(text: string): Promise<unknown>;
}

/**
 * What lies under MikroORM's connection: the pool of its PostgreSQL driver, or its PGlite, or else the Kysely instance
 * that the application has made itself (or whose dialect it has).
 */
export async function connectionsOf(connection: OrmConnection): Promise<Connections> {
  // MikroORM ends its pool only if it has run a statement itself.
  await connection.execute('select 1');
  // It rejects where the application has brought its own.
  const native = (await connection.getNativeClient?.().catch(() => null)) as Partial<Pool & PgliteInstance> | null;
  if (native?.onNotification && native.transaction) return connectionsOfPglite(native as PgliteInstance);
  if (native?.connect && native.Client) return connectionsOfPool(native as Pool);
  const kysely = connection.getClient() as Partial<KyselyInstance> | undefined;
  if (kysely?.executeQuery && kysely.connection) return connectionsOfKysely(kysely as KyselyInstance);
  throw new SessionSetupError(
    'The sessions found no PostgreSQL under MikroORM. Use the driver of @mikro-orm/postgresql (or, in tests, that of ' +
      '@mikro-orm/pglite), or give "contextName" where the sessions’ connection is another one.',
  );
}

function connectionsOfPool(pool: Pool): Connections {
  return {
    query: (query) => pool.query(query),
    connect: () =>
      new Promise((resolve, reject) => {
        pool.connect((error, client) => (error ? reject(error) : resolve(lent(client))));
      }),
    lone: () => new pool.Client(pool.options),
    givesRawRows: true,
  };
}

function lent(client: PgClient): PoolClient {
  return {
    query: (query) =>
      new Promise((resolve, reject) => {
        const sent = query.isRaw === true ? new RawQuery(query) : query;
        client.query(sent, (error, result) => (error ? reject(error) : resolve(result)));
      }),
    release: (destroy) => client.release(destroy),
  };
}
