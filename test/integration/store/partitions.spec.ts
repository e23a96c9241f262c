import { describe, expect, it } from '@jest/globals';
import { useStores } from './stores.js';

const PARTITIONS = 16;

describe('MikroOrmSessionStore on a partitioned table', () => {
  const fixture = useStores({ partitions: PARTITIONS });
  const { create, expire } = fixture;
  const sql = (text: string) => fixture.database.query(text);

  /** So many sessions, which have expired. */
  async function createDead(count: number): Promise<string[]> {
    const ids: string[] = [];
    while (ids.length < count) ids.push((await create({ data: { text: 'x'.repeat(500) } })).id);
    await sql(`update sessions set expires_at = clock_timestamp()`);
    return ids;
  }

  async function swept(): Promise<string[]> {
    const ids: string[] = [];
    for await (const some of fixture.store.deleteExpired()) ids.push(...some);
    return ids;
  }

  it('keeps sessions in all partitions, and looks each up in its own alone', async () => {
    // So many that none of the partitions stays empty, but once in a thousand million runs.
    const ids = (await Promise.all(Array.from({ length: 400 }, () => create()))).map(({ id }) => id);
    const partitions = await sql('select distinct tableoid from sessions');
    expect(partitions.length).toBe(PARTITIONS);
    const plan = await sql(
      `explain (analyze, costs off, timing off) select s.id from unnest('{${ids[0]}}'::uuid[]) as wanted(id),
       lateral (select id from sessions s where s.id = wanted.id offset 0) s`,
    );
    const executed = plan.map((line) => String(line['QUERY PLAN'])).filter((line) => line.includes(' on sessions_'));
    expect(executed.filter((line) => !line.includes('never executed'))).toHaveLength(1);
  });

  it('sweeps all pages of all partitions, the biggest to its end', async () => {
    const ids = await createDead(200);
    // One partition that is bigger than the others by far.
    await sql(`insert into sessions (id, secret_hash, generation, data, ttl, created_at, updated_at, last_access_at, expires_at)
               select gen_random_uuid(), s.secret_hash, 0, s.data, s.ttl, s.created_at, s.updated_at, s.last_access_at, s.expires_at
               from (select * from sessions limit 1) s, generate_series(1, 3000)`);
    await sql(`delete from sessions where tableoid <> 'sessions_3'::regclass and id <> all('{${ids.join()}}')`);
    const [counted] = await sql('select count(*)::int as count from sessions');
    expect(await swept()).toHaveLength((counted as { count: number }).count);
    expect(await sql('select from sessions')).toEqual([]);
  });

  it('leaves a row that is locked, and one that cannot be deleted, and removes all others', async () => {
    const ids = await createDead(40);
    await sql(`create function refuse() returns trigger language plpgsql as
               $$ begin raise 'not this one' using errcode = '23000'; end $$`);
    await sql(`create trigger refuse before delete on sessions for each row when (old.id = '${ids[0]}')
               execute function refuse()`);
    const held = await fixture.lock(ids[1] as string);
    const removed: string[] = [];
    const sweeping = (async () => {
      for await (const some of fixture.store.deleteExpired()) removed.push(...some);
    })();
    await expect(sweeping).rejects.toThrow('refused the changes to the session');
    await held.release();
    expect(removed.toSorted()).toEqual(ids.slice(2).toSorted());
    await sql('drop trigger refuse on sessions; drop function refuse');
  });

  it('counts what has expired as absent, and ends the sessions of a user in all partitions', async () => {
    const mine: string[] = [];
    for (let n = 0; n < 40; n++) mine.push((await create({ userId: 'me' })).id);
    await expire(mine[0] as string);
    expect(await fixture.store.find(mine[0] as string)).toBeNull();
    expect((await fixture.store.findByUser('me')).map(({ id }) => id)).toEqual(mine.slice(1));
    const ended: string[] = [];
    for await (const some of fixture.store.deleteByUser('me', mine[1] as string)) ended.push(...some);
    expect(ended.toSorted()).toEqual(mine.slice(2).toSorted());
  });

  it('takes content for known only where the row is of the version that it knows', async () => {
    const { id } = await create({ data: { a: 1 } });
    for (let time = 0; time < 3; time++) expect((await fixture.store.find(id))?.data).toBe('{"a": 1}');
    await fixture.alter(id, `data = '{"a": 2}'`);
    expect((await fixture.store.find(id))?.data).toBe('{"a": 2}');
  });
});
