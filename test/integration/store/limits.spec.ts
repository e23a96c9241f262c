import { describe, expect, it } from '@jest/globals';
import { SessionDataError } from '../../../lib/session.errors.js';
import { jsonbBytes, refuseLargeAuth } from '../../../lib/store/limits.js';
import { useStores } from './stores.js';

const NUMBERS = [0, 1, -1, 0.5, -12.25, 1e20, 1e21, 1.5e300, -1e308, 1e-6, 1e-7, -1.25e-300, 2 ** 60 + 1, 5e-324];
const TEXTS = ['', 'text', 'ü🎉', '"\\\n\t\b\f\r\u0001\u007f/', 'e1,:'];
const OTHERS = [true, false, null, [], {}, [[]], [{}], { a: [] }];
const NESTED = { roles: ['reader', 'ü'], 'a "key"': { n: [1e300, 1], none: null }, more: [true, false, 1.5] };
const VALUES: unknown[] = [...NUMBERS, ...TEXTS, ...OTHERS, NESTED];

describe('The size of a snapshot', () => {
  const fixture = useStores();

  it('is that of the text which PostgreSQL makes of it', async () => {
    const texts = VALUES.map((value) => JSON.stringify(value));
    const sizes = await fixture.database.query<{ size: number }>(
      'select octet_length(value::text) as size from unnest($1::jsonb[]) with ordinality as v(value, at) order by at',
      [texts],
    );
    expect(VALUES.map(jsonbBytes)).toEqual(sizes.map(({ size }) => size));
  });

  it('is bounded as it is read back, however short it is written', async () => {
    const numbers = JSON.stringify({ list: Array.from({ length: 100 }, () => 1e308) });
    expect(numbers.length).toBeLessThan(1_000);
    expect(() => refuseLargeAuth(numbers, 1_000)).toThrow(SessionDataError);
    await expect(fixture.create({ userId: 'u', auth: numbers })).rejects.toMatchObject({ path: 'auth' });
    const exact = JSON.stringify({ list: 'x'.repeat(1_000 - '{"list": ""}'.length) });
    refuseLargeAuth(exact, 1_000);
    expect((await fixture.create({ userId: 'u', auth: exact })).auth).toHaveLength(1_000);
  });
});
