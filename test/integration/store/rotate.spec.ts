import { describe, expect, it } from '@jest/globals';
import { ABSENT, useStores } from './stores.js';

describe('MikroOrmSessionStore: rotate()', () => {
  const fixture = useStores();
  const { create, row, alter, expire, lock, unavailable, outcomes } = fixture;

  const [hash1, hash2, hash3] = ['1', '2', '3'].map((digit) => Buffer.alloc(32, digit)) as [Buffer, Buffer, Buffer];
  const rotate = (id: string, knownHash: Buffer, secretHash: Buffer, generation = 0) =>
    fixture.store.rotate({ id, generation, knownHash, secretHash });

  it('replaces the secret, and nothing else', async () => {
    const { id } = await create({ secretHash: hash1, data: { a: 1 } });
    const before = await row(id);
    expect(await rotate(id, hash1, hash2)).toBe('rotated');
    expect(await row(id)).toEqual({
      ...before,
      secret_hash: hash2,
      previous_secret_hash: hash1,
      rotated_at: expect.any(Date),
    });
  });

  it('lets one win of those that come at once, and tells the others so', async () => {
    const { id } = await create({ secretHash: hash1 });
    const answers = await outcomes(...[2, 3, 4, 5].map((n) => rotate(id, hash1, Buffer.alloc(32, n))));
    expect(answers.map(String).toSorted()).toEqual(['overtaken', 'overtaken', 'overtaken', 'rotated']);
  });

  it('reports to a request with an older secret that another one rotated it first, and changes nothing', async () => {
    const { id } = await create({ secretHash: hash1 });
    await rotate(id, hash1, hash2);
    const before = await row(id);
    expect(await rotate(id, hash1, hash3)).toBe('overtaken');
    expect(await row(id)).toEqual(before);
    expect(await rotate(id, hash2, hash3)).toBe('rotated');
  });

  it('finds no session that is absent, expired, or was logged in to', async () => {
    const [expired, newer] = [await create({ secretHash: hash1 }), await create({ secretHash: hash1 })];
    await expire(expired.id);
    await alter(newer.id, 'generation = 1');
    const ids = [ABSENT, expired.id, newer.id];
    expect(await outcomes(...ids.map((id) => rotate(id, hash1, hash2)))).toEqual(['gone', 'gone', 'gone']);
    expect(await rotate(newer.id, hash1, hash2, 1)).toBe('rotated');
  });

  it('waits for a locked row, until its time is up', async () => {
    const { id } = await create({ secretHash: hash1 });
    const holder = await lock(id);
    const rotation = { id, generation: 0, knownHash: hash1, secretHash: hash2 };
    expect(await outcomes(fixture.impatient.rotate(rotation))).toEqual([unavailable]);
    const rotating = rotate(id, hash1, hash3);
    await holder.release();
    expect(await rotating).toBe('rotated');
  });
});
