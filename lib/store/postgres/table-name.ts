import type { Configuration, EntityMetadata, MetadataStorage, MikroORM } from '@mikro-orm/core';
import { SessionSetupError } from '../../session.errors.js';
import { sessionEntities, SessionEntity, sessionEntity } from './session.entity.js';
import { quotedName } from './sql/quoting.js';

/** Where a table is. */
export interface TableName {
  /** `undefined`: the first schema of the role's search path that has the table. */
  readonly schema: string | undefined;
  readonly name: string;
}

/** As PostgreSQL takes it. */
export function quoted({ schema, name }: TableName): string {
  return schema === undefined ? quotedName(name) : `${quotedName(schema)}.${quotedName(name)}`;
}

/** The table of the entity, as MikroORM's configuration has it. @throws {SessionSetupError} without the entity. */
export function sessionTableOf(orm: MikroORM, tableName?: string): TableName {
  const metadata = orm.getMetadata().getAll().get(sessionEntity({ tableName }).meta.class);
  if (metadata) return tableNameOf(metadata, orm.config);
  const entity = tableName === undefined ? 'SessionEntity' : `sessionEntity({ tableName: '${tableName}' })`;
  throw new SessionSetupError(
    `MikroORM does not know ${entity}. Set "autoLoadEntities: true" in MikroOrmModule.forRoot(), or add ${entity} to its ` +
      '"entities".',
  );
}

/** The table of that entity of ours which MikroORM knows; `sessions` where it knows none. */
export function migratedTableOf(metadata: MetadataStorage, config: Configuration): TableName {
  const known = metadata.getAll();
  for (const { meta } of sessionEntities()) {
    const found = known.get(meta.class);
    if (found !== undefined) return tableNameOf(found, config);
  }
  return tableNameOf({ tableName: SessionEntity.meta.tableName }, config);
}

type Placed = Pick<EntityMetadata, 'tableName'> & { readonly schema?: string | undefined };

function tableNameOf({ tableName, schema: own }: Placed, config: Configuration): TableName {
  const schema = own === undefined || own === '*' ? config.get('schema') : own;
  // MikroORM leaves its default out of all statements, so that the search path decides.
  const isDefault = schema === config.getPlatform().getDefaultSchemaName();
  return { schema: isDefault ? undefined : schema, name: tableName };
}
