import { describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { changesOf, HOUR, useStores } from './stores.js';

const SUMS: [number, number][] = [
  [9_007_199_254_740_990, 1],
  [0.1, 0.2],
  [1e15, 0.3],
  [1 / 3, 1 / 7],
  [Number.MAX_VALUE / 3, 1e292],
];

describe.each(['0', '-15', '1', '3'])('MikroOrmSessionStore: sums where `extra_float_digits` is %s', (digits) => {
  const fixture = useStores();
  const { create, dataOf } = fixture;
  const inDatabase = (what: string) =>
    fixture.database.query(`alter database "${new URL(fixture.database.url).pathname.slice(1)}" ${what}`);

  it.each(SUMS)('are what JavaScript says: %d + %d', async (start, by) => {
    await inDatabase(`set extra_float_digits = ${digits}`);
    const store = await fixture.openStore();
    const [one, two, three] = [
      await create({ data: { n: start } }),
      await create({ data: { n: start } }),
      await create(),
    ];
    await store.commit(one.id, 0, changesOf({ increment: { n: by } }));
    await store.commit(three.id, 0, changesOf({ increment: { a: start, b: by } }));
    await store.login({
      id: two.id,
      generation: 0,
      secretHash: randomBytes(32),
      userId: 'ada',
      auth: null,
      flush: false,
      lifetime: { ttl: HOUR, absolute: null },
      changes: changesOf({ increment: { n: by } }).data,
    });
    expect(await dataOf(one.id)).toEqual({ n: start + by });
    expect(await dataOf(two.id)).toEqual({ n: start + by });
    expect(await dataOf(three.id)).toEqual({ a: start, b: by });
    expect(JSON.parse((await store.find(one.id))?.data ?? '')).toEqual({ n: start + by });
  });
});
