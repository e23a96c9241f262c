import { PgliteDriver } from '@mikro-orm/pglite';
import { MikroORM } from '@mikro-orm/core';
import { MikroOrmModule } from '@mikro-orm/nestjs';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { MemorySessionStore, SessionEntity, type SessionModuleOptions } from 'nestjs-mikro-session';
import { MikroOrmSessionStore, type ResolvedSessionOptions, SESSION_OPTIONS } from 'nestjs-mikro-session/store';
import { type Application, type Platform, startApplication, type StoreOption } from './application.js';
import { Faults } from './faulty-store.js';

type Kind = 'memory' | 'PostgreSQL' | 'PGlite';

/** Sessions on a platform, in a store. */
export interface PlaceDefinition {
  readonly name: string;
  readonly platform: Platform;
  readonly kind: Kind;
  readonly options: SessionModuleOptions;
  /** What tells its table from those of other places. */
  readonly table: string;
}

const ENCRYPTION = { keys: [Buffer.alloc(32, 7)] };

/** The platforms and stores that the properties are tried on. */
export const PLACES: readonly PlaceDefinition[] = (
  [
    ['Express', 'memory', '', {}],
    ['Fastify', 'memory', '', {}],
    ['Express', 'PostgreSQL', '', {}],
    ['Fastify', 'PostgreSQL', '', {}],
    ['Express', 'PostgreSQL', ' with encryption', { encryption: ENCRYPTION }],
    ['Fastify', 'PostgreSQL', ' with the cache', { cache: { ttl: '1h' } }],
    ['Fastify', 'PostgreSQL', ' with the cache and encryption', { cache: { ttl: '1h' }, encryption: ENCRYPTION }],
    ['Express', 'PGlite', '', {}],
    ['Express', 'memory', ' in a header', { transport: 'header' }],
    ['Fastify', 'memory', ' in a header', { transport: 'header' }],
  ] satisfies [Platform, Kind, string, SessionModuleOptions][]
).map(([platform, kind, how, options], number) => ({
  name: `${platform}, ${kind}${how}`,
  platform,
  kind,
  options,
  table: String(number),
}));

/** The same without HTTP: a store each, for what does not depend on a platform. */
export const IN_PROCESS: readonly PlaceDefinition[] = PLACES.filter(
  ({ platform, kind, options }) => kind !== 'memory' || (platform === 'Express' && options.transport === undefined),
);

/** Whether what is stored in it is encrypted. */
export const isSealing = ({ options }: PlaceDefinition): boolean => options.encryption !== undefined;

/** Where sessions are made for a place whose cache is to have no copy of them. */
export const makerFor = (place: PlaceDefinition): PlaceDefinition => ({
  ...place,
  name: `maker for ${place.name}`,
  options: { ...place.options, cache: false },
});

/** A place that is there. */
export interface Place extends Application {
  readonly definition: PlaceDefinition;
  /** What fails of its store. */
  readonly faults: Faults;
}

/** @param schema where its table is to be */
export async function startPlace(definition: PlaceDefinition, url: string, schema: string): Promise<Place> {
  const { platform, kind, options } = definition;
  const faults = new Faults();
  const inMemory: StoreOption = {
    useFactory: (resolved: ResolvedSessionOptions) => faults.of(new MemorySessionStore(resolved)),
    inject: [SESSION_OPTIONS],
  };
  const inDatabase: StoreOption = {
    useFactory: (orm: MikroORM, { cache, ...resolved }: ResolvedSessionOptions) =>
      faults.of(new MikroOrmSessionStore(orm as never, { ...resolved, invalidation: cache !== null })),
    inject: [MikroORM, SESSION_OPTIONS],
  };
  const orm =
    kind === 'PGlite'
      ? MikroOrmModule.forRoot({ driver: PgliteDriver, dbName: 'memory://', entities: [SessionEntity] })
      : MikroOrmModule.forRoot({ driver: PostgreSqlDriver, clientUrl: url, schema, entities: [SessionEntity] });
  const application = await startApplication({
    platform,
    imports: kind === 'memory' ? [] : [orm],
    store: kind === 'memory' ? inMemory : inDatabase,
    // Generous: a machine that stands still for a moment must not look like a fault.
    options: { ensureSchema: true, queryTimeout: '15s', ...options },
  });
  return { ...application, definition, faults };
}
