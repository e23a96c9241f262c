import type { MikroORM } from '@mikro-orm/core';
import { SessionSetupError } from '../../session.errors.js';
import { SessionEntity } from './session.entity.js';

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

/** A role, a schema, a column, as PostgreSQL takes it. */
export function quotedName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** The table of the entity, as MikroORM's configuration has it. @throws {SessionSetupError} without the entity. */
export function sessionTableOf(orm: MikroORM): TableName {
  const metadata = orm.getMetadata().getAll().get(SessionEntity.meta.class);
  if (!metadata) {
    throw new SessionSetupError(
      'MikroORM does not know SessionEntity. Set "autoLoadEntities: true" in MikroOrmModule.forRoot(), ' +
        'or add SessionEntity to its "entities".',
    );
  }
  const schema = metadata.schema === undefined || metadata.schema === '*' ? orm.config.get('schema') : metadata.schema;
  // MikroORM leaves its default out of all statements, so that the search path decides.
  const isDefault = schema === orm.config.getPlatform().getDefaultSchemaName();
  return { schema: isDefault ? undefined : schema, name: metadata.tableName };
}
