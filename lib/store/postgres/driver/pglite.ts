import type { Connections, DedicatedConnection, PoolClient, Queryable } from './connections.js';

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
 * PGlite is a database of one connection, which all share. Statements are not prepared by name here.
 *
 * A transaction of ours takes PGlite's own lock, as MikroORM's do: so no statement gets into another one's transaction.
 */
export function connectionsOfPglite(pglite: PgliteInstance): Connections {
  const query = queryOn(pglite);
  return {
    connect: (isForTransaction) =>
      isForTransaction ? transactionOn(pglite) : Promise.resolve({ query, release: () => {}, abandon: () => {} }),
    // There is only this one, and it is MikroORM's.
    distrust: () => {},
    close: () => {},
    dedicated: () => new PgliteListener(pglite),
    mayEnd: true,
    givesRawRows: false,
    most: 1,
  };
}

function queryOn(pglite: PgliteQueryable): Queryable['query'] {
  return async ({ text, values }) => {
    if (values.length > 0) return pglite.query(text, values);
    const results = (await pglite.exec(text)) as { rows: unknown[] }[];
    return results.length === 1 ? { rows: results[0]?.rows ?? [] } : {};
  };
}

/** PGlite has begun it before, and ends it after, what we send: to do either twice is a warning, which PGlite does not show. */
function transactionOn(pglite: PgliteInstance): Promise<PoolClient> {
  return new Promise((resolve, reject) => {
    const running = pglite.transaction(
      (transaction) =>
        new Promise((end) => {
          const release = (destroy: boolean): void => end(destroy ? transaction.rollback() : undefined);
          resolve({ query: queryOn(transaction), release, abandon: () => release(true) });
        }),
    );
    running.catch(reject);
  });
}

/** Stands for a dedicated connection: it receives what is announced on the only one there is. */
class PgliteListener implements DedicatedConnection {
  readonly isShared = true;
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
