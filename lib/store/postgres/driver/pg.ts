import type { Connections, DedicatedConnection, PoolClient, Query, Queryable } from './connections.js';
import { RawQuery, takesRawQueries } from './raw-query.js';

/**
 * The parts of a pool of `pg` that the store uses. With callbacks, where it is used all the time: the promises that `pg`
 * makes keep each other alive, and with them all rows they ever brought, until the next major collection of garbage. Under
 * load each minor one takes several times as long then.
 */
export interface PgPool extends Queryable {
  connect(done: (error: Error | undefined, client: PgClient) => void): void;
  readonly options: object;
  readonly Client: new (options: object) => DedicatedConnection;
}

interface PgClient {
  query(query: Query | RawQuery, done: (error: Error | null, result: { rows?: unknown[] }) => void): void;
  release(destroy: boolean): void;
}

/** The connections of a pool of `pg`: with ordinary queries only, where a client is not made as those of this version are. */
export async function connectionsOfPool(pool: PgPool): Promise<Connections> {
  const givesRawRows = await new Promise<boolean>((resolve, reject) => {
    pool.connect((error, client) => {
      if (error) return reject(error);
      resolve(takesRawQueries(client));
      client.release(false);
    });
  });
  return {
    query: (query) => pool.query(query),
    connect: () =>
      new Promise((resolve, reject) => {
        pool.connect((error, client) => (error ? reject(error) : resolve(lent(client))));
      }),
    dedicated: () => new pool.Client(pool.options),
    givesRawRows,
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
