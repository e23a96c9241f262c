import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { useApp } from '../../support/app.js';

const SESSIONS = 2_000;

/** A cart that is so many bytes long as JSON. */
function cartOf(bytes: number): Record<string, unknown> {
  const cart = { items: [] as object[], note: '' };
  const left = (): number => bytes - JSON.stringify(cart).length;
  while (left() > 60) {
    cart.items.push({ id: randomBytes(6).toString('hex'), quantity: 1 + (cart.items.length % 9), price: 995 });
  }
  cart.note = 'n'.repeat(left());
  return cart;
}

/** The table of the page on scaling: bytes of data to bytes on disk. */
function documented(): (readonly [data: number, disk: number])[] {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/scaling.md'), 'utf8');
  const table = /^\| data of a session, as JSON .*?\n\n/ms.exec(page)?.[0] ?? '';
  const bytes = (text: string | undefined): number => Number(text?.replaceAll(/[^\d]/g, ''));
  return Array.from(table.matchAll(/^\| +([\d,]+) bytes +\| +([\d,]+) bytes/gm), ([, data, disk]) => [
    bytes(data),
    bytes(disk),
  ]);
}

describe('What a session takes on disk, index included,', () => {
  const fixture = useApp({ options: { queryTimeout: '30s' } });

  it('is said of several sizes', () => expect(documented().length).toBeGreaterThan(3));

  it.each(documented())(
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
