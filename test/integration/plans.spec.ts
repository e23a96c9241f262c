import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MikroORM } from '@mikro-orm/core';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { createSessionId, issueCredential } from '../../lib/session/credential.js';
import { SessionEntity } from '../../lib/store/mikro-orm/session.entity.js';
import { MikroOrmSessionStore } from '../../lib/store/mikro-orm/mikro-orm.session-store.js';
import { createDatabase, type TestDatabase } from '../support/database.js';

/** So many plans PostgreSQL makes for the values at hand before it decides whether one for all values will do. */
const TRIED = 5;
const RUNS = 20;

describe('The plans of the hot path', () => {
  let database: TestDatabase;
  let orm: MikroORM;

  beforeAll(async () => {
    database = await createDatabase();
    orm = await MikroORM.init({
      driver: PostgreSqlDriver,
      clientUrl: database.url,
      entities: [SessionEntity],
      // Plans belong to a connection: the test looks at the only one.
      pool: { min: 1, max: 1 },
    });
  });

  afterAll(async () => {
    await orm.close();
    await database.drop();
  });

  it('are made once, and not anew for every statement, however few sessions it is about', async () => {
    const store = new MikroOrmSessionStore(orm, { queryTimeout: 20_000, maxDataBytes: 10_000, ensureSchema: true });
    await store.open();
    const { id, secretHash } = issueCredential(createSessionId());
    const lifetime = { ttl: 60_000, absolute: null };
    await store.create({ id, secretHash, userId: null, auth: null, data: '{}', lifetime, ip: null, userAgent: null });
    await database.query(`
      insert into sessions (id, secret_hash, generation, data, ttl, created_at, updated_at, last_access_at, expires_at)
      select gen_random_uuid(), '', 0, '{}', 1, now(), now(), now(), now() + interval '1 h' from generate_series(1, 5000)`);
    await database.query('analyze sessions');
    const data = { set: new Map(), unset: [], increment: new Map([['n', 1]]), push: new Map() };
    for (let run = 0; run < RUNS; run++) {
      await store.find(id);
      await store.commit(id, 0, { data, lifetime: null, renew: true });
      await store.renew([{ id, at: store.now() }]);
    }
    const plans = await orm.driver.getConnection().execute<{ generic: number; custom: number }[]>(
      `select generic_plans::int as generic, custom_plans::int as custom from pg_prepared_statements
         where generic_plans + custom_plans = ${RUNS}`,
    );
    expect(plans).toEqual(Array.from({ length: 3 }, () => ({ generic: RUNS - TRIED, custom: TRIED })));
    await store.close();
  });
});
