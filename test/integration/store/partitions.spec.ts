import { describe, expect, it } from '@jest/globals';
import { useStores } from './stores.js';

describe('MikroOrmSessionStore: rows of several partitions that lie at the same place', () => {
  const fixture = useStores();
  const { create, renew, row } = fixture;
  const sql = (text: string) => fixture.database.query(text);

  /** Puts a partitioned table in the place of the one that was there at start, where it would be refused. */
  async function partition(): Promise<void> {
    await sql('alter table sessions rename to sessions_whole');
    await sql(
      'create table sessions (like sessions_whole including defaults, primary key (id)) partition by hash (id)',
    );
    for (let n = 0; n < 4; n++) {
      await sql(`create table sessions_${n} partition of sessions for values with (modulus 4, remainder ${n})`);
    }
  }

  it('are never renewed or swept for each other', async () => {
    await partition();
    try {
      const ids: string[] = [];
      for (let n = 0; n < 60; n++) ids.push((await create()).id);
      const [dead, live] = [ids.filter((_, n) => n % 2 === 0), ids.filter((_, n) => n % 2 === 1)];
      await sql(`update sessions set expires_at = now() - interval '1 s' where id = any('{${dead.join()}}')`);
      const before = await sql(`select * from sessions where id = any('{${dead.join()}}') order by id`);
      expect((await renew(live)).toSorted()).toEqual(live.toSorted());
      expect(await sql(`select * from sessions where id = any('{${dead.join()}}') order by id`)).toEqual(before);
      for await (const removed of fixture.store.deleteExpired()) {
        expect(removed.filter((id) => live.includes(id))).toEqual([]);
      }
      for (const id of live) expect((await row(id))['id']).toBe(id);
    } finally {
      await sql('drop table sessions');
      await sql('alter table sessions_whole rename to sessions');
    }
  });
});
