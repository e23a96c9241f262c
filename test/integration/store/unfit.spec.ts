import { describe, expect, it } from '@jest/globals';
import { SessionDataError } from '../../../lib/session.errors.js';
import { type Change, changesOf, countStatements, loginTo, useStores } from './stores.js';

const fixture = useStores();
const OTHERS = 20;

describe('An addition to what cannot be added to', () => {
  const unfit: [string, unknown, Change][] = [
    ['an increment of a text', 'text', { increment: { x: 1 } }],
    ['an increment of a list', [1], { increment: { x: 1 } }],
    ['increments of which one is of true', true, { increment: { x: 1, y: 1 } }],
    ['an increment beyond what a number holds', Number.MAX_VALUE, { increment: { x: 2 ** 970 } }],
    ['increments of which one is beyond what a number holds', -1e308, { increment: { x: -1e308, y: 1 } }],
    ['a push to a number', 1, { push: { x: [1] } }],
    ['a push to an object', { a: 1 }, { push: { x: [1] } }],
    ['pushes of which one is to a text', '[]', { push: { x: [1], y: [1] } }],
  ];
  const writes: [string, part: string, (id: string, change: Change) => Promise<unknown>][] = [
    ['commits', 'saved as (', (id, change) => fixture.commit(id, change)],
    [
      'logins',
      'merged as materialized',
      (id, change) => fixture.store.login({ ...loginTo(id), changes: changesOf(change).data }),
    ],
  ];

  it.each(writes.flatMap(([name, ...write]) => unfit.map((one) => [name, ...one, ...write] as const)))(
    'fails alone, in the one statement of many %s: %s',
    async (_name, _what, value, change, part, write) => {
      const sessions = await Promise.all(
        Array.from({ length: OTHERS + 1 }, (_, n) => fixture.create({ data: { x: n === 7 ? value : null } })),
      );
      const statements = countStatements(part);
      const outcomes = await fixture.outcomes(...sessions.map(({ id }) => write(id, change)));
      expect(statements.count).toBe(1);
      const [failed] = outcomes.splice(7, 1);
      expect(failed).toBeInstanceOf(SessionDataError);
      expect((failed as Error).message).toContain('increment() or push() met a value of another kind');
      expect(outcomes).toEqual(Array(OTHERS).fill(expect.objectContaining({ ttl: expect.any(Number) })));
      expect(await fixture.dataOf((sessions[7] as { id: string }).id)).toEqual({ x: value });
    },
  );

  it('is, of numbers, one whose sum is none of JavaScript', async () => {
    const sizes = [
      5e-324,
      1,
      2 ** 969,
      1e291,
      2 ** 970,
      2 ** 970 * 1.5,
      2 ** 971,
      2 ** 1022,
      2 ** 1023 * (1 - 2 ** -53),
      2 ** 1023,
    ];
    const numbers = [...sizes, Number.MAX_VALUE - 2 ** 971, Number.MAX_VALUE].flatMap((size) => [size, -size]);
    const pairs = numbers.flatMap((value) => numbers.map((by) => ({ value, by, sum: value + by })));
    for (const more of [{}, { y: 1 }] as Record<string, number>[]) {
      const store = await fixture.openStore({ maxDataBytes: 10_000 });
      const sessions = await Promise.all(pairs.map(({ value }) => fixture.create({ data: { x: value } })));
      const increment = ({ id }: { id: string }, n: number): Promise<unknown> =>
        store.commit(id, 0, changesOf({ increment: { x: (pairs[n] as { by: number }).by, ...more } }));
      const outcomes = await fixture.outcomes(...sessions.map(increment));
      const isFit = outcomes.map((outcome) => !(outcome instanceof SessionDataError));
      expect(isFit).toEqual(pairs.map(({ sum }) => Number.isFinite(sum)));
      const found = await Promise.all(sessions.map(({ id }) => fixture.dataOf(id)));
      expect(found.map((data) => (data as { x: number }).x)).toEqual(
        pairs.map(({ value, sum }) => (Number.isFinite(sum) ? sum + 0 : value)),
      );
    }
  });
});
