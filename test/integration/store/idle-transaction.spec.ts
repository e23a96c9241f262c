import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MikroORM, PostgreSqlDriver } from '@mikro-orm/postgresql';
import { Kysely, PostgresDialect } from 'kysely';
import { Pool } from 'pg';
import { SessionStoreUnavailableError } from '../../../lib/session.errors.js';
import { MikroOrmSessionStore } from '../../../lib/store/postgres/mikro-orm.session-store.js';
import { SessionEntity } from '../../../lib/store/postgres/session.entity.js';
import { blockFor } from '../../support/block.js';
import { StoreReports } from '../../support/store-listener.js';
import { changesOf, useStores } from './stores.js';

const stores = useStores();
const TIMEOUT = 200;

describe('A transaction of update()', () => {
  let orm: MikroORM;
  let store: MikroOrmSessionStore;
  /** For how long the server lets each wait for this process, in milliseconds. */
  const patience: number[] = [];
  /** Whether this process is kept from its work once the next lock is sent. */
  let isBlocked = false;

  beforeAll(async () => {
    const pool = new Pool({ connectionString: stores.database.url, max: 2 });
    pool.on('connect', (client) => {
      const query = client.query.bind(client) as (...args: unknown[]) => unknown;
      client.query = ((...args: unknown[]) => {
        const [, idle] = /idle_in_transaction_session_timeout = (\d+)/.exec(String(args[0])) ?? [];
        if (idle !== undefined) patience.push(Number(idle));
        const answer = query(...args);
        if (isBlocked && String(args[0]).includes('skip locked')) {
          isBlocked = false;
          blockFor(4 * TIMEOUT);
        }
        return answer;
      }) as typeof client.query;
    });
    orm = await MikroORM.init({
      driver: PostgreSqlDriver,
      clientUrl: stores.database.url,
      entities: [SessionEntity],
      driverOptions: new Kysely({ dialect: new PostgresDialect({ pool }) }),
    });
    store = new MikroOrmSessionStore(orm, { queryTimeout: TIMEOUT, maxDataBytes: 1_000, ensureSchema: true });
    await store.open(new StoreReports());
  });
  afterAll(async () => {
    await store.close();
    await orm.close();
  });

  // Where a pool of the application does not listen, that its server has said so is an uncaught exception.
  it('that has little time left is not ended by the server while the process comes to its next statement', async () => {
    const { id } = await stores.create();
    const held = await stores.database.hold('select from sessions where id = $1 for update', [id]);
    // One after the other: the last have next to no time left.
    const updates = Array.from({ length: 20 }, () => store.update(id, 0, () => null));
    for (const update of updates) await expect(update).rejects.toThrow(SessionStoreUnavailableError);
    await held.release();
    expect(patience.length).toBeGreaterThan(0);
    expect(Math.min(...patience)).toBeGreaterThan(TIMEOUT);
  });

  it('is not ended while a handler computes: nobody listens to the connection, and the process would end', async () => {
    const { id } = await stores.create();
    isBlocked = true;
    expect(await store.update(id, 0, () => changesOf({ set: { n: 1 } }))).toMatchObject({ id });
    expect(isBlocked).toBe(false);
    expect(await stores.dataOf(id)).toEqual({ n: 1 });
  });
});
