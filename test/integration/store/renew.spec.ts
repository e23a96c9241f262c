import { describe, expect, it } from '@jest/globals';
import { MINUTE, HOUR, ABSENT, useStores } from './stores.js';

describe('MikroOrmSessionStore: renew()', () => {
  const fixture = useStores();
  const { create, row, alter, expire, lock, renew, databaseNow, expectNear } = fixture;

  it('counts from the access, not from when it is written down', async () => {
    const { id } = await create();
    await alter(id, `last_access_at = now() - interval '1 h', expires_at = now() + interval '1 min', data = '{"a":1}'`);
    expect(await renew([id], 10 * MINUTE)).toEqual([id]);
    const now = await databaseNow();
    const { last_access_at, expires_at, data } = await row(id);
    expectNear(last_access_at, now - 10 * MINUTE);
    expectNear(expires_at, now + 20 * MINUTE);
    expect(expires_at.getTime()).toBe(last_access_at.getTime() + 30 * MINUTE);
    expect(data).toEqual({ a: 1 });
  });

  it('takes one moment for the access and for the expiry, to a microsecond', async () => {
    const { id } = await create();
    for (let times = 0; times < 50; times++) {
      await alter(id, `last_access_at = now() - interval '1 h', expires_at = now() + interval '1 min'`);
      await renew([id]);
      const apart = `extract(epoch from expires_at - last_access_at)::float8 * 1000 - ttl as apart`;
      expect(await fixture.database.query(`select ${apart} from sessions where id = $1`, [id])).toEqual([{ apart: 0 }]);
    }
  });

  it('only ever moves forward, and takes an access in the future for one now', async () => {
    const { id } = await create();
    const before = await row(id);
    expect(await renew([id], 20 * MINUTE)).toEqual([id]);
    expect(await row(id)).toEqual(before);
    await renew([id], -2 * HOUR);
    const after = await row(id);
    expect(after['expires_at'].getTime()).toBeGreaterThan(before['expires_at'].getTime());
    expectNear(after['expires_at'], (await databaseNow()) + 30 * MINUTE);
  });

  it('never goes beyond the end', async () => {
    const { id } = await create();
    await alter(id, `expires_at = now() + interval '1 min', ends_at = now() + interval '5 min'`);
    await renew([id]);
    const { expires_at, ends_at } = await row(id);
    expect(expires_at).toEqual(ends_at);
  });

  it('revives no session that is gone', async () => {
    const [expired, live] = [await create(), await create()];
    await expire(expired.id);
    const before = await row(expired.id);
    expect(await renew([expired.id, ABSENT, live.id])).toEqual([live.id]);
    expect(await row(expired.id)).toEqual(before);
    expect(await renew([])).toEqual([]);
  });

  it('waits for no lock, and renews a row that was locked the next time, from the access', async () => {
    const [held, free] = [await create(), await create()];
    const holder = await lock(held.id);
    expect(await renew([held.id, free.id], 5 * MINUTE)).toEqual([free.id]);
    await holder.release();
    await alter(held.id, `last_access_at = now() - interval '1 h'`);
    expect(await renew([])).toEqual([held.id]);
    expectNear((await row(held.id))['last_access_at'], (await databaseNow()) - 5 * MINUTE);
  });
});
