import { SessionSetupError } from '../../../session.errors.js';
import type { Connections } from './connections.js';
import { connectionsOfKysely, type KyselyInstance } from './kysely.js';
import { connectionsOfPool, type PgPool } from './pg.js';
import { connectionsOfPglite, type PgliteInstance } from './pglite.js';

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
  const native = (await connection.getNativeClient?.().catch(() => null)) as Partial<PgPool & PgliteInstance> | null;
  if (native?.onNotification && native.transaction) return connectionsOfPglite(native as PgliteInstance);
  if (native?.connect && native.Client) return connectionsOfPool(native as PgPool);
  const kysely = connection.getClient() as Partial<KyselyInstance> | undefined;
  if (kysely?.executeQuery && kysely.connection) return connectionsOfKysely(kysely as KyselyInstance);
  throw new SessionSetupError(
    'The sessions found no PostgreSQL under MikroORM. Use the driver of @mikro-orm/postgresql (or, in tests, that of ' +
      '@mikro-orm/pglite), or give "contextName" where the sessions’ connection is another one.',
  );
}
