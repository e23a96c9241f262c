import { describe, expect, it } from '@jest/globals';
import { useApp } from '../../support/app.js';
import { cartOf, documentedSizes } from '../../support/documented-sizes.js';

const SESSIONS = 2_000;

describe('What a session takes on disk, index included,', () => {
  const fixture = useApp({ options: { queryTimeout: '30s' } });

  it('is said of several sizes', () => expect(documentedSizes('scaling.md').length).toBeGreaterThan(3));

  it.each(documentedSizes('scaling.md'))(
    'is, with %i bytes of data, the %i bytes of docs/scaling.md, give or take 5 %%',
    async (data, disk) => {
      await fixture.database.query('truncate sessions');
      const cart = cartOf(data);
      const create = (n: number) =>
        fixture.app.sessions.create({ userId: `user-${n}`, auth: { roles: ['reader'] }, data: cart });
      for (let n = 0; n < SESSIONS; n += 50)
        await Promise.all(Array.from({ length: 50 }, (_, index) => create(n + index)));
      const [size] = await fixture.database.query<{ bytes: string }>("select pg_total_relation_size('sessions') bytes");
      const measured = Number(size?.bytes) / SESSIONS;
      expect(Math.abs(measured / disk - 1)).toBeLessThan(0.05);
    },
  );
});
