import { withTimeLimit } from '../../time-limit.js';
import { requestCancel } from './cancel.js';
import type { Connections, DedicatedConnection, PoolClient, Queryable } from './connections.js';
import { RawQuery, takesRawQueries } from './raw-query.js';
import { connectionOptions, LONGEST_CONNECTING, type PgClient, type PgPool } from './session-pool.js';

/** What the application has done to each connection that is made, as MikroORM has it done to its own. */
export type Prepare = (connection: PreparedConnection) => Promise<void>;

/** What `onCreateConnection` of MikroORM's configuration is given: as much of Kysely's connection as it can need. */
export interface PreparedConnection {
  executeQuery(query: { readonly sql: string; readonly parameters: readonly unknown[] }): Promise<{ rows: unknown[] }>;
}

/** When a connection was last sent a statement, and when it last answered one, in milliseconds of `performance.now()`. */
interface AnswerTimes {
  sentAt: number;
  answeredAt: number;
}

/** What is known of a connection. */
interface ConnectionRecord extends AnswerTimes {
  /** {@link PgConnections} counts a new one whenever all that there are have become suspect. */
  readonly generation: number;
}

/**
 * The connections of a pool of `pg`: with ordinary queries only, where a client is not made as those of this version are.
 *
 * @param patience how long a statement that was given up may take to end, in milliseconds, before its connection is thrown away
 */
export async function connectionsOfPool(
  pool: PgPool,
  prepare: Prepare | undefined,
  patience: number,
): Promise<Connections> {
  const connections = new PgConnections(pool, prepare, patience);
  const [first] = await connections.take();
  const givesRawRows = takesRawQueries(first);
  first.release(false);
  return {
    connect: () => connections.lend(),
    distrust: () => connections.distrust(),
    close: () => connections.close(),
    dedicated: () => dedicated(pool, prepare),
    mayEnd: true,
    givesRawRows,
    most: pool.options.max ?? null,
  };
}

/** Which connections of a pool may be lent, and what becomes of them afterwards. */
class PgConnections {
  readonly #pool: PgPool;
  readonly #prepare: Prepare | undefined;
  readonly #patience: number;
  readonly #records = new WeakMap<PgClient, ConnectionRecord>();
  #generation = 0;
  /** What has not answered since may have gone silent, as another has. */
  #silentSince = 0;
  #isClosed = false;

  constructor(pool: PgPool, prepare: Prepare | undefined, patience: number) {
    this.#pool = pool;
    this.#prepare = prepare;
    this.#patience = patience;
  }

  distrust(): void {
    this.#generation++;
  }

  /** What is under way, or still comes from requests that the application is about to finish, gets a connection all the same. */
  close(): void {
    this.#isClosed = true;
    for (let left = this.#pool.idleCount; left > 0; left--) {
      this.#pool.connect((error, client) => {
        if (!error) client.release(true);
      });
    }
  }

  take(): Promise<[PgClient, ConnectionRecord]> {
    return new Promise((resolve, reject) => this.#take((client, record) => resolve([client, record]), reject));
  }

  lend(): Promise<PoolClient> {
    return new Promise((resolve, reject) =>
      this.#take((client, record) => resolve(this.#lent(client, record)), reject),
    );
  }

  /** With callbacks: see {@link PgPool}. */
  #take(resolve: (client: PgClient, record: ConnectionRecord) => void, reject: (error: unknown) => void): void {
    this.#pool.connect((error, client) => {
      if (error) return reject(error);
      const known = this.#records.get(client);
      if (known === undefined) return this.#begin(client, resolve, reject);
      if (known.generation === this.#generation && known.answeredAt >= this.#silentSince) return resolve(client, known);
      client.release(true);
      this.#take(resolve, reject);
    });
  }

  #begin(
    client: PgClient,
    resolve: (client: PgClient, record: ConnectionRecord) => void,
    reject: (error: unknown) => void,
  ): void {
    const record = { generation: this.#generation, sentAt: 0, answeredAt: performance.now() };
    this.#records.set(client, record);
    const prepare = this.#prepare;
    if (prepare === undefined) return resolve(client, record);
    // It may throw, in a callback of the pool.
    const preparing = Promise.resolve(preparable(client)).then(prepare);
    // What it asks may never be answered, and the pool would be short of a connection for ever.
    const late = (): never => {
      throw new Error(`"onCreateConnection" was not done within ${LONGEST_CONNECTING} ms`);
    };
    withTimeLimit(preparing, LONGEST_CONNECTING, late).then(
      () => resolve(client, record),
      (error: unknown) => {
        client.release(true);
        reject(error);
      },
    );
  }

  #lent(client: PgClient, record: ConnectionRecord): PoolClient {
    return {
      query: queryOn(client, record),
      release: (destroy) => client.release(destroy || this.#isClosed),
      abandon: (answer, isReusable) => {
        this.#noteSilence(record.sentAt);
        void this.#endCancelled(client, answer, isReusable);
      },
    };
  }

  /** A statement that was sent late has had no time to be answered: to connect may take most of what there is on a slow network. */
  #noteSilence(sentAt: number): void {
    const now = performance.now();
    if (now - sentAt < this.#patience / 2) return;
    // Some may have answered just before it happened. Those in use answer all the time, and an idle one is cheap to replace.
    this.#silentSince = Math.max(this.#silentSince, (sentAt + now) / 2);
  }

  async #endCancelled(client: PgClient, answer: Promise<unknown>, isReusable: boolean): Promise<void> {
    const request = requestCancel(this.#pool, client);
    const ended = Promise.all([answer.catch(() => {}), request.taken]).then(([, wasTaken]) => wasTaken);
    const isEnded = await withTimeLimit(ended, this.#patience, () => false);
    request.giveUp();
    client.release(!(isEnded && isReusable) || this.#isClosed);
  }
}

/** @param times those of the connection, where they are of interest */
function queryOn(client: PgClient, times: AnswerTimes = { sentAt: 0, answeredAt: 0 }): Queryable['query'] {
  return (query) =>
    new Promise((resolve, reject) => {
      times.sentAt = performance.now();
      client.query(query.isRaw === true ? new RawQuery(query) : query, (error, result) => {
        times.answeredAt = performance.now();
        if (error) reject(error);
        else resolve(result);
      });
    });
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
  // In a callback of pg's, what it throws at once would end the process.
  const prepared = async (): Promise<void> => prepare?.(preparable(client));
  return {
    connect: () =>
      new Promise((resolve, reject) => {
        client.connect((error) => {
          if (error) reject(error);
          else resolve(prepared());
        });
      }),
    end: () => new Promise((resolve) => client.end(resolve)),
    query: queryOn(client),
    on: (event, listener: (message: { payload?: string }) => void) => client.on(event, listener),
  };
}
