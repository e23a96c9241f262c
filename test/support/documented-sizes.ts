import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A cart that is so many bytes long as JSON. */
export function cartOf(bytes: number): Record<string, unknown> {
  const cart = { items: [] as object[], note: '' };
  const left = (): number => bytes - JSON.stringify(cart).length;
  while (left() > 60) {
    cart.items.push({ id: randomBytes(6).toString('hex'), quantity: 1 + (cart.items.length % 9), price: 995 });
  }
  cart.note = 'n'.repeat(left());
  return cart;
}

/** The table of a page on what sessions take: bytes of data to bytes where they are kept. */
export function documentedSizes(page: string): (readonly [data: number, kept: number])[] {
  const text = readFileSync(join(import.meta.dirname, '../../docs', page), 'utf8');
  const table = /^\| data of a session, as JSON .*?\n\n/ms.exec(text)?.[0] ?? '';
  const bytes = (figure: string | undefined): number => Number(figure?.replaceAll(/[^\d]/g, ''));
  return Array.from(table.matchAll(/^\| +([\d,]+) bytes +\| +([\d,]+) bytes/gm), ([, data, kept]) => [
    bytes(data),
    bytes(kept),
  ]);
}
