import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

/**
 * The table `sessions`, one row a session. List it in `entities`, unless `autoLoadEntities` does it for you.
 *
 * Read it as you like; write to it through `SessionService` only. There is no index on `expires_at` on purpose: it would
 * turn every renewal into a new entry in every index (PostgreSQL's heap-only tuples need unindexed columns,
 * https://www.postgresql.org/docs/current/storage-hot.html).
 */
export const SessionEntity = defineEntity({
  name: 'Session',
  tableName: 'sessions',
  properties: {
    id: p.uuid().primary(),
    secretHash: p.blob().fieldName('secret_hash').hidden().lazy(),
    previousSecretHash: p.blob().fieldName('previous_secret_hash').nullable().hidden().lazy(),
    rotatedAt: p.datetime(6).fieldName('rotated_at').nullable(),
    generation: p.integer(),
    userId: p.text().fieldName('user_id').nullable(),
    auth: p.json().$type<Record<string, unknown>>().nullable(),
    authenticatedAt: p.datetime(6).fieldName('authenticated_at').nullable(),
    data: p.json().$type<Record<string, unknown>>(),
    ttl: p.bigint('number'),
    createdAt: p.datetime(6).fieldName('created_at'),
    updatedAt: p.datetime(6).fieldName('updated_at'),
    lastAccessAt: p.datetime(6).fieldName('last_access_at'),
    expiresAt: p.datetime(6).fieldName('expires_at'),
    endsAt: p.datetime(6).fieldName('ends_at').nullable(),
    ip: p.text().nullable(),
    userAgent: p.text().fieldName('user_agent').nullable(),
    persistent: p.boolean().nullable(),
  },
  indexes: [{ name: 'sessions_user_id_index', properties: ['userId'], where: { userId: { $ne: null } } }],
});

/** A row of the table `sessions`. */
export type SessionEntity = InferEntity<typeof SessionEntity>;
