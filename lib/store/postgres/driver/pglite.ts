import type { Connections, LoneConnection, PoolClient, Queryable } from './connections.js';

interface PgliteQueryable {
  query(text: string, values: unknown[]): Promise<{ rows: unknown[] }>;
  exec(text: string): Promise<unknown>;
}

/** The parts of PGlite (https://pglite.dev/docs/api) that the store uses. */
export interface PgliteInstance extends PgliteQueryable {
  transaction(use: (transaction: PgliteQueryable & { rollback(): Promise<void> }) => Promise<void>): Promise<void>;
  onNotification(listener: (channel: string, payload: string) => void): () => void;
}

/**
 * PGlite is a database of one connection, which everybody shares. What is prepared by name elsewhere is not, here.
 *
 * A transaction of ours takes PGlite's own lock, as MikroORM's do: nobody's statement slips into anybody else's
 * transaction.
 */
export function connectionsOfPglite(pglite: PgliteInstance): Connections {
  const query = queryOn(pglite);
  return {
    query,
    connect: (isForTransaction) =>
      isForTransaction ? transactionOn(pglite) : Promise.resolve({ query, release: () => {} }),
    lone: () => new PgliteListener(pglite),
    givesRawRows: false,
  };
}

function queryOn(pglite: PgliteQueryable): Queryable['query'] {
  return async ({ text, values }) => {
    if (values.length > 0) return pglite.query(text, values);
    // Of several statements in one text nobody looks at rows.
    const results = (await pglite.exec(text)) as { rows: unknown[] }[];
    return results.length === 1 ? { rows: results[0]?.rows ?? [] } : {};
  };
}

/** PGlite has begun it before, and ends it after, what we send: to do either twice is a warning that nobody gets. */
function transactionOn(pglite: PgliteInstance): Promise<PoolClient> {
  return new Promise((resolve, reject) => {
    const running = pglite.transaction(
      (transaction) =>
        new Promise((end) => {
          const release = (destroy: boolean): void => end(destroy ? transaction.rollback() : undefined);
          resolve({ query: queryOn(transaction), release });
        }),
    );
    running.catch(reject);
  });
}

/** As if it were a connection of its own: it hears what is told on the only one there is. */
class PgliteListener implements LoneConnection {
  readonly query: Queryable['query'];
  readonly #pglite: PgliteInstance;
  readonly #stops: (() => void)[] = [];

  constructor(pglite: PgliteInstance) {
    this.#pglite = pglite;
    this.query = queryOn(pglite);
  }

  async connect(): Promise<void> {}

  end(): Promise<void> {
    for (const stop of this.#stops.splice(0)) stop();
    return Promise.resolve();
  }

  on(event: string, listener: (message: { payload: string }) => void): void {
    if (event !== 'notification') return;
    this.#stops.push(this.#pglite.onNotification((_channel, payload) => listener({ payload })));
  }
}
