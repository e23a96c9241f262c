import { afterAll, describe, expect, it, jest } from '@jest/globals';
import { MikroORM, PostgreSqlDriver } from '@mikro-orm/postgresql';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { MikroOrmSessionStore } from '../../../lib/store/postgres/mikro-orm.session-store.js';
import { SessionEntity } from '../../../lib/store/postgres/session.entity.js';
import { blockFor } from '../../support/block.js';
import { StoreReports } from '../../support/store-listener.js';
import { useStores } from './stores.js';

const stores = useStores();
const TIMEOUT = 400;
/** Of an application that has its pool wait for connections no longer than that, in milliseconds. */
const SHORT = 300;

describe('A process that is kept from its work for longer than an operation has, while connections are made,', () => {
  const opened: MikroOrmSessionStore[] = [];
  afterAll(() => Promise.all(opened.map((store) => store.close())));

  it.each<[string, driverOptions: () => object, made: number]>([
    // There is one, and none is given up.
    ['', () => ({}), 3],
    [', by a pool with a limit of its own', () => ({ connectionTimeoutMillis: SHORT }), Infinity],
    [
      ', by a pool of the application’s',
      () => {
        const pool = new pg.Pool({ connectionString: stores.database.url, max: 6, connectionTimeoutMillis: SHORT });
        return new Kysely({ dialect: new PostgresDialect({ pool }) });
      },
      Infinity,
    ],
  ])('has them all the same%s', async (_, driverOptions, made) => {
    const { id } = await stores.create();
    const orm = await MikroORM.init({
      driver: PostgreSqlDriver,
      clientUrl: stores.database.url,
      entities: [SessionEntity],
      pool: { min: 0, max: 6 },
      driverOptions: driverOptions(),
    });
    stores.orms.push(orm);
    const store = new MikroOrmSessionStore(orm, { queryTimeout: TIMEOUT, maxDataBytes: 1_000, ensureSchema: true });
    opened.push(store);
    await store.open(new StoreReports());
    const connect = jest.spyOn(pg.Client.prototype, 'connect');
    // Each has a connection of its own.
    const asked = [store.count(), store.find(id), store.findByUser('ada'), store.update(id, 0, () => null)];
    setImmediate(() => setImmediate(() => blockFor(2 * TIMEOUT)));
    expect(await Promise.all(asked)).toMatchObject([1, { id }, [], { id }]);
    expect(connect.mock.calls.length).toBeLessThanOrEqual(made);
  });
});
