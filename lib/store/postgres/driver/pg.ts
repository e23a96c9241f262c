import { requestCancel } from './cancel.js';
import type { Connections, DedicatedConnection, PoolClient, Queryable } from './connections.js';
import { RawQuery, takesRawQueries } from './raw-query.js';
import { connectionOptions, type PgClient, type PgPool, type SessionPool } from './session-pool.js';

/** What the application has done to each connection that is made, as MikroORM has it done to its own. */
export type Prepare = (connection: PreparedConnection) => Promise<void>;

/** What `onCreateConnection` of MikroORM's configuration is given: as much of Kysely's connection as it can need. */
export interface PreparedConnection {
  executeQuery(query: { readonly sql: string; readonly parameters: readonly unknown[] }): Promise<{ rows: unknown[] }>;
}

/**
 * The connections of a pool of `pg`: with ordinary queries only, where a client is not made as those of this version are.
 *
 * @param patience how long a statement that was given up may take to end, in milliseconds, before its connection is thrown away
 */
export async function connectionsOfPool(
  { pool, close }: SessionPool,
  prepare: Prepare | undefined,
  patience: number,
): Promise<Connections> {
  /** The generation of each connection that has been lent. */
  const generations = new WeakMap<PgClient, number>();
  let generation = 0;

  const take = (resolve: (client: PgClient) => void, reject: (error: unknown) => void): void =>
    pool.connect((error, client) => {
      if (error) return reject(error);
      const known = generations.get(client);
      if (known === generation) return resolve(client);
      if (known !== undefined) {
        client.release(true);
        return take(resolve, reject);
      }
      generations.set(client, generation);
      if (prepare === undefined) return resolve(client);
      prepare(preparable(client)).then(
        () => resolve(client),
        (refusal: unknown) => {
          client.release(true);
          reject(refusal);
        },
      );
    });

  const first = await new Promise<PgClient>(take);
  const givesRawRows = takesRawQueries(first);
  first.release(false);
  return {
    connect: () => new Promise((resolve, reject) => take((client) => resolve(lent(client, pool, patience)), reject)),
    distrust: () => void generation++,
    close,
    dedicated: () => dedicated(pool, prepare),
    givesRawRows,
  };
}

function lent(client: PgClient, pool: PgPool, patience: number): PoolClient {
  return {
    query: queryOn(client),
    release: (destroy) => client.release(destroy),
    abandon: (answer, isReusable) => void endCancelled(client, pool, patience, answer, isReusable),
  };
}

function queryOn(client: PgClient): Queryable['query'] {
  return (query) =>
    new Promise((resolve, reject) => {
      const sent = query.isRaw === true ? new RawQuery(query) : query;
      client.query(sent, (error, result) => (error ? reject(error) : resolve(result)));
    });
}

async function endCancelled(
  client: PgClient,
  pool: PgPool,
  patience: number,
  answer: Promise<unknown>,
  isReusable: boolean,
): Promise<void> {
  const request = requestCancel(pool, client);
  const ended = Promise.all([answer.catch(() => {}), request.taken]).then(([, wasTaken]) => wasTaken);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), patience);
  });
  const isEnded = await Promise.race([ended, late]);
  clearTimeout(timer);
  request.giveUp();
  client.release(!(isEnded && isReusable));
}

function preparable(client: PgClient): PreparedConnection {
  const query = queryOn(client);
  return {
    executeQuery: async ({ sql, parameters }) => ({
      rows: [],
      ...(await query({ text: sql, values: [...parameters] })),
    }),
  };
}

function dedicated(pool: PgPool, prepare: Prepare | undefined): DedicatedConnection {
  const client = new pool.Client(connectionOptions(pool));
  return {
    connect: () =>
      new Promise((resolve, reject) => {
        client.connect((error) => {
          if (error) reject(error);
          else resolve(prepare?.(preparable(client)));
        });
      }),
    end: () => new Promise((resolve) => client.end(resolve)),
    query: queryOn(client),
    on: (event, listener: (message: { payload?: string }) => void) => client.on(event, listener),
  };
}
