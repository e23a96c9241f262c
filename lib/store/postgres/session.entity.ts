import { defineEntity, type InferEntity, p } from '@mikro-orm/core';
import { SessionConfigurationError } from '../../session.errors.js';

/** With room for the names of indexes: PostgreSQL cuts names at 63 bytes. */
const TABLE_NAME = /^[A-Za-z_][A-Za-z0-9_-]{0,47}$/;

/** The name of the index on the user's id. */
export const userIndexOf = (tableName: string): string => `${tableName}_user_id_index`;

// oxlint-disable-next-line typescript/explicit-function-return-type -- inferred from the properties
const describe = (tableName: string) =>
  defineEntity({
    name: 'Session',
    tableName,
    properties: {
      // Each column by its name: a naming strategy would rename them.
      id: p.uuid().fieldName('id').primary(),
      secretHash: p.blob().fieldName('secret_hash').hidden().lazy(),
      previousSecretHash: p.blob().fieldName('previous_secret_hash').nullable().hidden().lazy(),
      rotatedAt: p.datetime(6).fieldName('rotated_at').nullable(),
      generation: p.integer().fieldName('generation'),
      userId: p.text().fieldName('user_id').nullable(),
      auth: p.json().fieldName('auth').$type<Record<string, unknown>>().nullable(),
      authenticatedAt: p.datetime(6).fieldName('authenticated_at').nullable(),
      data: p.json().fieldName('data').$type<Record<string, unknown>>(),
      ttl: p.bigint('number').fieldName('ttl'),
      createdAt: p.datetime(6).fieldName('created_at'),
      updatedAt: p.datetime(6).fieldName('updated_at'),
      lastAccessAt: p.datetime(6).fieldName('last_access_at'),
      expiresAt: p.datetime(6).fieldName('expires_at'),
      endsAt: p.datetime(6).fieldName('ends_at').nullable(),
      ip: p.text().fieldName('ip').nullable(),
      userAgent: p.text().fieldName('user_agent').nullable(),
      persistent: p.boolean().fieldName('persistent').nullable(),
    },
    indexes: [{ name: userIndexOf(tableName), properties: ['userId'], where: { userId: { $ne: null } } }],
  });

/**
 * The table `sessions`, one row a session. List it in `entities`, unless `autoLoadEntities` does it for you.
 *
 * Read it as you like; write to it through `SessionService` only. There is no index on `expires_at` on purpose: it would
 * turn every renewal into a new entry in every index (PostgreSQL's heap-only tuples need unindexed columns,
 * https://www.postgresql.org/docs/current/storage-hot.html).
 */
export const SessionEntity = describe('sessions');

const entities = new Map([['sessions', SessionEntity]]);

/**
 * The entity for a table of another name, to be listed in `entities` of the configuration that MikroORM's command line
 * reads; the same one as `SessionModule.forRoot({ tableName })` registers. `SessionMigration` then creates that table.
 *
 * @throws {SessionConfigurationError} for a name that is none
 */
export function sessionEntity({
  tableName = 'sessions',
}: { readonly tableName?: string | undefined } = {}): typeof SessionEntity {
  if (typeof tableName !== 'string' || !TABLE_NAME.test(tableName)) {
    throw new SessionConfigurationError(
      'The option "tableName" must be a name of at most 48 letters, digits, "_" and "-", without a schema (that is ' +
        '"schema" in the configuration of MikroORM). Fix: name a table, such as "web_sessions".',
    );
  }
  const entity = entities.get(tableName) ?? describe(tableName);
  entities.set(tableName, entity);
  return entity;
}

/** All entities that were made here, each for its table. */
export function sessionEntities(): Iterable<typeof SessionEntity> {
  return entities.values();
}

/** A row of the table `sessions`. */
export type SessionEntity = InferEntity<typeof SessionEntity>;
