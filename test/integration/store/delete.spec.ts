import { describe, expect, it } from '@jest/globals';
import { ABSENT, countStatements, useStores } from './stores.js';

describe('MikroOrmSessionStore: delete()', () => {
  const fixture = useStores();
  const { create, commit, alter, expire, lock, unavailable, outcomes } = fixture;

  it('ends a session, of the generation it is asked for or of any', async () => {
    const [one, two] = [await create(), await create()];
    await alter(one.id, 'generation = 1');
    expect(await outcomes(fixture.store.delete(one.id, 0))).toEqual([false]);
    expect(await outcomes(fixture.store.delete(one.id, 1), fixture.store.delete(two.id, null))).toEqual([true, true]);
    expect(
      await outcomes(fixture.store.delete(one.id, 1), fixture.store.find(one.id), commit(one.id, { set: { a: 1 } }, 1)),
    ).toEqual([false, null, null]);
  });

  it('finds no session that is absent or expired', async () => {
    const { id } = await create();
    await expire(id);
    expect(await outcomes(fixture.store.delete(id, null), fixture.store.delete(ABSENT, 0))).toEqual([false, false]);
  });

  it('is true for one of those that come at once', async () => {
    const { id } = await create();
    const answers = await outcomes(...Array.from({ length: 5 }, () => fixture.store.delete(id, 0)));
    expect(answers.filter((answer) => answer !== false)).toEqual([true]);
  });

  it('waits for a locked row, until its time is up', async () => {
    const { id } = await create();
    const holder = await lock(id);
    expect(await outcomes(fixture.impatient.delete(id, null))).toEqual([unavailable]);
    const deleting = fixture.store.delete(id, null);
    await holder.release();
    expect(await deleting).toBe(true);
  });

  it('ends together what comes at once, and tells of each what became of it', async () => {
    const all = await Promise.all(Array.from({ length: 30 }, () => create()));
    const [locked, gone, other] = all.map(({ id }) => id) as [string, string, string];
    await fixture.store.delete(gone, null);
    await alter(other, 'generation = 1');
    const holder = await lock(locked);
    const counted = countStatements('');
    const [waiting, ...rest] = all.map(({ id }) => fixture.store.delete(id, 0));
    expect(await outcomes(...rest)).toEqual(all.slice(1).map(({ id }) => ![gone, other].includes(id)));
    // But for the one that is locked, which nobody waits for.
    expect(counted.count).toBe(1);
    await holder.release();
    expect(await waiting).toBe(true);
    expect(await fixture.database.query('select id from sessions')).toEqual([{ id: other }]);
  });
});
