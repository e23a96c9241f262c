import { describe, expect, it } from '@jest/globals';
import { MINUTE, HOUR, ABSENT, useStores } from './stores.js';

describe('MikroOrmSessionStore: renew()', () => {
  const fixture = useStores();
  const { create, row, alter, expire, lock, databaseNow, expectNear } = fixture;

  const renew = (id: string, age: number) => fixture.store.renew([{ id, at: fixture.store.now() - age }]);

  it('counts from the access, not from when it is written down', async () => {
    const { id } = await create();
    await alter(id, `last_access_at = now() - interval '1 h', expires_at = now() + interval '1 min', data = '{"a":1}'`);
    expect(await renew(id, 10 * MINUTE)).toEqual({ renewed: [id], locked: [] });
    const now = await databaseNow();
    const { last_access_at, expires_at, data } = await row(id);
    expectNear(last_access_at, now - 10 * MINUTE);
    expectNear(expires_at, now + 20 * MINUTE);
    expect(expires_at.getTime()).toBe(last_access_at.getTime() + 30 * MINUTE);
    expect(data).toEqual({ a: 1 });
  });

  it('only ever moves forward, and takes an access in the future for one now', async () => {
    const { id } = await create();
    const before = await row(id);
    expect(await renew(id, 20 * MINUTE)).toEqual({ renewed: [id], locked: [] });
    expect(await row(id)).toEqual(before);
    await renew(id, -2 * HOUR);
    const after = await row(id);
    expect(after['expires_at'].getTime()).toBeGreaterThan(before['expires_at'].getTime());
    expectNear(after['expires_at'], (await databaseNow()) + 30 * MINUTE);
  });

  it('never goes beyond the end', async () => {
    const { id } = await create();
    await alter(id, `expires_at = now() + interval '1 min', ends_at = now() + interval '5 min'`);
    await renew(id, 0);
    const { expires_at, ends_at } = await row(id);
    expect(expires_at).toEqual(ends_at);
  });

  it('revives nobody: the dead are in neither list', async () => {
    const [expired, live] = [await create(), await create()];
    await expire(expired.id);
    const before = await row(expired.id);
    const at = fixture.store.now();
    const ids = [expired.id, ABSENT, live.id];
    expect(await fixture.store.renew(ids.map((id) => ({ id, at })))).toEqual({ renewed: [live.id], locked: [] });
    expect(await row(expired.id)).toEqual(before);
    expect(await fixture.store.renew([])).toEqual({ renewed: [], locked: [] });
  });

  it('waits for no lock, and tells which rows were locked', async () => {
    const [held, free] = [await create(), await create()];
    const holder = await lock(held.id);
    const at = fixture.store.now();
    expect(await fixture.store.renew([held, free].map(({ id }) => ({ id, at })))).toEqual({
      renewed: [free.id],
      locked: [held.id],
    });
    await holder.release();
  });
});
