import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Migrator } from '@mikro-orm/migrations';
import { MikroORM, PostgreSqlDriver } from '@mikro-orm/postgresql';
import { SessionEntity, SessionMigration } from 'nestjs-mikro-session';
import { MikroOrmSessionStore } from 'nestjs-mikro-session/store';
import { newSession, setting } from '../../support/redis-stores.js';
import { createDatabase, type TestDatabase } from '../../support/database.js';
import { StoreReports } from '../../support/store-listener.js';

const PAGE = new URL('../../../docs/table.md', import.meta.url);
/** Sessions that are there before, of which some are used meanwhile. */
const BEFORE = 3_000;

/** What was acknowledged of one session. */
interface Known {
  readonly id: string;
  readonly generation: number;
  n: number;
  isEnded: boolean;
}

describe('A table that is moved into partitions, as the documentation says,', () => {
  let database: TestDatabase;
  let orm: MikroORM;
  let store: MikroOrmSessionStore;
  /** What the store had no session for, though there was one. */
  const refused: string[] = [];

  beforeAll(async () => {
    database = await createDatabase();
    orm = await MikroORM.init({
      driver: PostgreSqlDriver,
      clientUrl: database.url,
      entities: [SessionEntity],
      extensions: [Migrator],
      migrations: { migrationsList: [{ name: 'sessions', class: SessionMigration }], silent: true, snapshot: false },
      pool: { min: 0, max: 4 },
    });
    await orm.migrator.up();
    store = new MikroOrmSessionStore(orm, { queryTimeout: 10_000, maxDataBytes: 1_000, ensureSchema: false });
    await store.open(new StoreReports());
  });

  afterAll(async () => {
    await store.close();
    await orm.close();
    await database.drop();
  });

  /** The statements of the page, block by block. */
  async function blocks(): Promise<string[]> {
    const [, section = ''] = /### Moving a table over\n([^]*?)\n## /.exec(await readFile(PAGE, 'utf8')) ?? [];
    return Array.from(section.matchAll(/```sql\n([^]*?)```/g), ([, block]) => block as string);
  }

  async function create(known: Known[]): Promise<void> {
    const { id, generation } = await store.create(newSession({ userId: 'me', data: '{"n":0}' }));
    known.push({ id, generation, n: 0, isEnded: false });
  }

  /** Somebody who begins, changes, renews and ends sessions until told to stop. */
  async function visit(known: Known[], isOver: () => boolean): Promise<void> {
    for (let done = 0; !isOver(); done++) {
      const one = known[(done * 37) % known.length] as Known;
      if (done % 5 === 0) await create(known);
      else if (!one.isEnded && done % 5 === 1) {
        one.isEnded = true;
        if (!(await store.delete(one.id, one.generation))) refused.push(`end of ${one.id}`);
      } else if (!one.isEnded) {
        one.n += 1;
        if ((await store.commit(one.id, one.generation, setting({ n: one.n }))) === null)
          refused.push(`save of ${one.id}`);
        store.renew({ id: one.id, at: store.now(), expiresAt: store.now() + 1 });
      }
    }
    await store.flush();
  }

  it('loses no session and no change of one, and brings none back that has ended', async () => {
    const known: Known[][] = Array.from({ length: 6 }, () => []);
    for (let index = 0; index < BEFORE; index += known.length) await Promise.all(known.map(create));
    const [prepare = '', copy = '', swap = '', tidy = '', ...more] = await blocks();
    expect([tidy, more]).toEqual(['drop table sessions_old;\n', []]);

    let isOver = false;
    const visitors = known.map((own) => visit(own, () => isOver));
    const steps = (async () => {
      await database.query(prepare);
      for (const statement of copy.split(/(?<=\$\$;\n)/)) await database.query(statement);
      await database.query(swap);
      // What comes after it is in the new table alone.
      const [row] = await database.query<{ now: string }>('select clock_timestamp()::text as now');
      const later = 'select from sessions where created_at > $1::timestamptz limit 20';
      while ((await database.query(later, [row?.now])).length < 20);
      await database.query(tidy);
    })().finally(() => (isOver = true));
    const outcomes = await Promise.allSettled([steps, ...visitors]);
    expect(outcomes.filter(({ status }) => status === 'rejected')).toEqual([]);

    expect(refused).toEqual([]);
    const partitions = await database.query('select distinct tableoid from sessions');
    expect(partitions).toHaveLength(16);
    const all = known.flat();
    const stored = new Map(
      (await database.query<{ id: string; data: unknown }>('select id, data from sessions')).map(({ id, data }) => [
        id,
        data,
      ]),
    );
    expect(all.filter(({ id, isEnded }) => isEnded === stored.has(id))).toEqual([]);
    const live = all.filter(({ isEnded }) => !isEnded);
    expect(live.filter(({ id, n }) => (stored.get(id) as { n: number }).n !== n)).toEqual([]);
    expect(stored.size).toBe(live.length);
    expect(await orm.schema.getUpdateSchemaSQL({ wrap: false })).toBe('');
    const [left] = await database.query(`select count(*)::int as count from pg_proc where proname = 'copy_session'`);
    expect(left).toEqual({ count: 0 });
  }, 60_000);
});
