import { SessionSetupError } from '../../../session.errors.js';
import type { Connections } from './connections.js';
import { connectionsOfKysely, type KyselyInstance } from './kysely.js';
import { connectionsOfPool, type Prepare } from './pg.js';
import { connectionsOfPglite, type PgliteInstance } from './pglite.js';
import { type PgPool, sessionPool } from './session-pool.js';

/** The parts of MikroORM's connection that the store uses. */
export interface OrmConnection {
  getNativeClient?(): Promise<unknown>;
  getClient(): unknown;
  execute(text: string): Promise<unknown>;
  /** What is configured for this connection alone, such as a primary's among replicas. */
  readonly options?: Readonly<Record<string, unknown>>;
}

/** What MikroORM's configuration says of connections that are made. */
export interface OrmHooks {
  readonly onCreateConnection?: Prepare | undefined;
  readonly onPoolCreated?: ((pool: unknown) => unknown) | undefined;
}

/**
 * What lies under MikroORM's connection: a pool as that of its PostgreSQL driver, or its PGlite, or else the Kysely instance
 * that the application has made itself (or whose dialect it has).
 *
 * @param patience how long a connection may take to be made while others are waited for, and a statement to end that was
 *   given up, in milliseconds
 */
export async function connectionsOf(
  connection: OrmConnection,
  hooks: OrmHooks,
  patience: number,
): Promise<Connections> {
  // MikroORM ends its pool only if it has run a statement itself.
  await connection.execute('select 1');
  // It rejects where the application has brought its own.
  const native = (await connection.getNativeClient?.().catch(() => null)) as Partial<PgPool & PgliteInstance> | null;
  if (native?.onNotification && native.transaction) return connectionsOfPglite(native as PgliteInstance);
  if (native?.connect && native.Client) {
    return connectionsOfPool(
      sessionPool(native as PgPool, patience, hooks.onPoolCreated),
      hooks.onCreateConnection,
      patience,
    );
  }
  const kysely = connection.getClient() as Partial<KyselyInstance> | undefined;
  if (kysely?.executeQuery && kysely.connection) return connectionsOfKysely(kysely as KyselyInstance);
  throw new SessionSetupError(
    'The sessions found no PostgreSQL under MikroORM. Use the driver of @mikro-orm/postgresql (or, in tests, that of ' +
      '@mikro-orm/pglite), or give "contextName" where the sessions’ connection is another one.',
  );
}

/** @param own what is configured for the connection alone */
export function hooksOf(config: { get(key: never): unknown }, own: Readonly<Record<string, unknown>> = {}): OrmHooks {
  const given = own['driverOptions'] ?? config.get('driverOptions' as never);
  const driverOptions = (typeof given === 'function' ? (given as () => unknown)() : given) as OrmHooks | undefined;
  return {
    onCreateConnection: (own['onCreateConnection'] ??
      config.get('onCreateConnection' as never)) as OrmHooks['onCreateConnection'],
    onPoolCreated: driverOptions?.onPoolCreated,
  };
}
