import type { Connections, PoolClient, Query } from './connections.js';

/** The parts of Kysely (https://kysely.dev) that the store uses. */
export interface KyselyInstance {
  executeQuery(query: object): Promise<{ rows: unknown[] }>;
  connection(): { execute(use: (one: KyselyInstance) => Promise<void>): Promise<void> };
}

/**
 * Connections of a Kysely instance that is the application's own, over any PostgreSQL driver. What cannot be had here:
 * statements that are prepared by name, connections beside the pool, and to throw one away that does not answer.
 */
export function connectionsOfKysely(kysely: KyselyInstance): Connections {
  return {
    connect: () => clientOf(kysely),
    // These are the application's own, and there is no way to throw one away.
    distrust: () => {},
    close: () => {},
    dedicated: null,
    mayEnd: false,
    givesRawRows: false,
    most: null,
  };
}

function clientOf(kysely: KyselyInstance): Promise<PoolClient> {
  return new Promise((resolve, reject) => {
    const lent = kysely.connection().execute(
      (one) =>
        new Promise((giveBack) => {
          let last: Promise<unknown> = Promise.resolve();
          const query = (asked: Query): Promise<{ rows: unknown[] }> => {
            const answer = one.executeQuery(compiled(asked));
            last = answer.catch(() => {});
            return answer;
          };
          const release = (destroy: boolean): void => {
            if (!destroy) return giveBack();
            // The next to use it must neither wait for this answer nor get into this transaction.
            const rolledBack = last.then(() => query({ text: 'rollback', values: [] }));
            void rolledBack.catch(() => {}).then(() => giveBack());
          };
          resolve({ query, release, abandon: () => release(true) });
        }),
    );
    lent.catch(reject);
  });
}

/** A statement as Kysely's compiler would leave it: `CompiledQuery.raw()`, without a dependency on that package. */
function compiled({ text, values }: Query): object {
  return {
    sql: text,
    parameters: values,
    query: { kind: 'RawNode', sqlFragments: [text], parameters: [] },
    queryId: { queryId: `session-${++queries}` },
  };
}
let queries = 0;
