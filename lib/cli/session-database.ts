import type { SessionStore, StoreListener } from '../session-store.js';
import type { Connections } from '../store/postgres/driver/connections.js';
import { connectionsOf, hooksOf, type OrmConnection } from '../store/postgres/driver/connections-of.js';
import { Database } from '../store/postgres/driver/database.js';
import { MikroOrmSessionStore } from '../store/postgres/mikro-orm.session-store.js';
import { connectionsInTime } from '../store/postgres/start-step.js';
import type { CommandContext } from './command.js';
import { type SessionPlace, sessionPlaceOf } from './session-place.js';

/** How long a statement may take, in milliseconds: one that counts reads the whole table. */
export const QUERY_TIMEOUT = 60_000;

/** Nothing is cached here, and nothing renewed. */
const NOT_LISTENING: StoreListener = {
  renewed: () => {},
  renewalFailed: () => {},
  renewalRefused: () => {},
  changed: () => {},
  feedConnected: () => {},
};

/** Has MikroORM for as long as it is used. */
export async function withPlace<Result>(
  context: Pick<CommandContext, 'arguments' | 'env'>,
  use: (place: SessionPlace) => Promise<Result>,
): Promise<Result> {
  const place = await sessionPlaceOf(context);
  try {
    return await use(place);
  } finally {
    await place.orm.close(true);
  }
}

/**
 * Has the store of the sessions open for as long as it is used.
 *
 * @param announces whether the processes that cache sessions hear of what is changed
 */
export async function withStore<Result>(
  context: Pick<CommandContext, 'arguments' | 'env'>,
  announces: boolean,
  use: (store: SessionStore, place: SessionPlace) => Promise<Result>,
): Promise<Result> {
  return withPlace(context, async (place) => {
    const store = new MikroOrmSessionStore(place.orm, {
      queryTimeout: QUERY_TIMEOUT,
      maxDataBytes: Number.MAX_SAFE_INTEGER,
      ensureSchema: false,
      tableName: place.tableName,
      // What stands in front of the database may not know them.
      preparedStatements: false,
      invalidation: announces,
    });
    try {
      await store.open(NOT_LISTENING);
      return await use(store, place);
    } finally {
      await store.close();
    }
  });
}

/** Has what lies under the store, for statements that it does not have. */
export async function withDatabase<Result>(
  { orm }: SessionPlace,
  use: (database: Database, connections: Connections) => Promise<Result>,
): Promise<Result> {
  const connection = orm.driver.getConnection() as unknown as OrmConnection;
  const connecting = connectionsOf(connection, hooksOf(orm.config, connection.options), QUERY_TIMEOUT);
  const connections = await connectionsInTime(connecting);
  const database = new Database(connections, {
    queryTimeout: QUERY_TIMEOUT,
    preparedStatements: false,
    lost: () => {},
  });
  try {
    return await use(database, connections);
  } finally {
    database.close();
    connections.close();
  }
}
