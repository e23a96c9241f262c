import { setImmediate } from 'node:timers/promises';
import { describe, expect, it, jest } from '@jest/globals';
import type { StoredSession } from '../../../lib/session/stored-session.js';
import type { SessionChanges } from '../../../lib/session/data/changes.js';
import { SessionDataError } from '../../../lib/session.errors.js';
import { changesOf, countStatements, ABSENT, SOON, useStores } from './stores.js';

describe('MikroOrmSessionStore: update()', () => {
  const fixture = useStores();
  const {
    openStore,
    create,
    row,
    dataOf,
    commit,
    alter,
    expire,
    lock,
    others,
    untilNoTransaction,
    databaseNow,
    expectNear,
    unavailable,
    outcomes,
  } = fixture;

  const takeOne = ({ data }: StoredSession): SessionChanges | null => {
    const { stock } = JSON.parse(data) as { stock: number };
    return stock > 0 ? changesOf({ set: { stock: stock - 1 } }) : null;
  };

  it('changes the data as they are, and tells what they were, with the times of the change', async () => {
    const { id } = await create({ data: { a: 1 } });
    await alter(id, `data = '{"stock": 5}', last_access_at = now() - interval '20 min'`);
    const updated = await fixture.store.update(id, 0, (stored) => ({
      ...(takeOne(stored) as SessionChanges),
      renew: true,
    }));
    expect(JSON.parse(updated?.data as string)).toEqual({ stock: 5 });
    expect(await dataOf(id)).toEqual({ stock: 4 });
    expectNear(updated?.lastAccessAt ?? null, await databaseNow());
    expect(updated?.lastAccessAt).toBe((await fixture.store.find(id))?.lastAccessAt);
    expect((await row(id))['updated_at']).toEqual((await row(id))['last_access_at']);
  });

  it('changes nothing when there is nothing to change', async () => {
    const { id } = await create({ data: { stock: 0 } });
    const before = await row(id);
    expect(await fixture.store.update(id, null, takeOne)).toMatchObject({ id });
    expect(await row(id)).toEqual(before);
  });

  it('runs one at a time, in whichever store', async () => {
    const { id } = await create({ data: { stock: 15 } });
    const another = await openStore();
    const answers = await Promise.all(
      Array.from({ length: 40 }, async (_, n) => {
        let won = false;
        await (n % 2 ? fixture.store : another).update(id, null, (stored) => {
          const changes = takeOne(stored);
          won = changes !== null;
          return changes;
        });
        return won;
      }),
    );
    expect(answers.filter(Boolean)).toHaveLength(15);
    expect(await dataOf(id)).toEqual({ stock: 0 });
  });

  it('does not call the function for a session that is absent, expired, or was logged in to', async () => {
    const [expired, newer] = [await create(), await create()];
    await expire(expired.id);
    await alter(newer.id, 'generation = 1');
    const change = jest.fn(takeOne);
    const ids = [ABSENT, expired.id, newer.id];
    expect(await outcomes(...ids.map((id) => fixture.store.update(id, 0, change)))).toEqual([null, null, null]);
    expect(change).not.toHaveBeenCalled();
  });

  it.each<[string, () => SessionChanges | null, unknown]>([
    ['throws', () => JSON.parse('{'), expect.any(SyntaxError)],
    ['makes the data too large', () => changesOf({ set: { a: 'x'.repeat(999) } }), expect.any(SessionDataError)],
    ['is refused by the database', () => changesOf({ increment: { text: 1 } }), expect.any(SessionDataError)],
  ])('changes nothing, and keeps no transaction open, when the function %s', async (_what, change, error) => {
    const { id } = await create({ data: { text: 'x' } });
    const before = await row(id);
    expect(await outcomes(fixture.store.update(id, 0, change))).toEqual([error]);
    expect(await fixture.database.query(`${others} and xact_start is not null`)).toEqual([]);
    expect(await row(id)).toEqual(before);
    expect(await commit(id, { set: { a: 1 } })).not.toBeNull();
  });

  it('waits for a locked row, and sees what was done to it', async () => {
    const { id } = await create({ data: { stock: 1 } });
    const holder = await fixture.database.hold(`update sessions set data = '{"stock": 100}' where id = $1`, [id]);
    const attempts = countStatements('skip locked');
    const updating = fixture.store.update(id, 0, takeOne);
    while (attempts.count < 2) await setImmediate();
    await holder.release();
    expect(await updating).not.toBeNull();
    expect(await dataOf(id)).toEqual({ stock: 99 });
  });

  it('gives up on a locked row when its time is up, and leaves no transaction behind', async () => {
    const { id } = await create({ data: { stock: 1 } });
    const holder = await lock(id);
    const change = jest.fn(takeOne);
    expect(await outcomes(fixture.impatient.update(id, 0, change))).toEqual([unavailable]);
    await untilNoTransaction();
    await holder.release();
    expect(await dataOf(id)).toEqual({ stock: 1 });
    expect(change).not.toHaveBeenCalled();
    expect(await fixture.store.update(id, 0, takeOne)).not.toBeNull();
  });

  it('gives its connection back whatever happens: with a pool of one, everything goes on', async () => {
    const single = await openStore({ queryTimeout: SOON }, 1);
    const { id } = await create({ data: { stock: 3 } });
    const holder = await lock(id);
    const failing = [() => JSON.parse('{') as null, () => changesOf({ push: { stock: [1] } }), () => null];
    for (const change of failing) await outcomes(single.update(id, 0, change));
    await holder.release();
    for (const change of failing) await outcomes(single.update(id, 0, change), single.update(ABSENT, 0, change));
    expect(await outcomes(...Array.from({ length: 3 }, () => single.update(id, 0, takeOne)))).toEqual(
      Array(3).fill(expect.objectContaining({ id })),
    );
    expect(await single.find(id)).toMatchObject({ data: '{"stock": 0}' });
  });

  it('waits for a connection no longer than its time, and takes none that comes later', async () => {
    const single = await openStore({ queryTimeout: SOON }, 1);
    const { id } = await create({ data: { stock: 3 } });
    const other = await create({ data: { stock: 3 } });
    const holder = await fixture.database.hold('lock table sessions in exclusive mode');
    expect(await outcomes(single.update(id, 0, takeOne), single.update(other.id, 0, takeOne))).toEqual([
      unavailable,
      unavailable,
    ]);
    await holder.release();
    await untilNoTransaction();
    expect([await dataOf(id), await dataOf(other.id)]).toEqual([{ stock: 3 }, { stock: 3 }]);
    expect(await single.update(other.id, 0, takeOne)).not.toBeNull();
  });
});
