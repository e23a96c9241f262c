import { describe, expect, it } from '@jest/globals';
import { ShopBrowser } from '../support/shop-browser.js';
import { useShops } from '../support/shops.js';

const shops = useShops();

/** The figures of a table on the operator's page, by name: of the last seconds, and since the start. */
function table(html: string): Record<string, string[]> {
  const rows = html.matchAll(/<th scope="row">([^<]*)<\/th>\s*<td[^>]*>([^<]*)<\/td>\s*<td[^>]*>([^<]*)<\/td>/g);
  return Object.fromEntries(Array.from(rows, ([, name, now, total]) => [name, [now, total]])) as Record<
    string,
    string[]
  >;
}

describe('the operator’s page', () => {
  it('says how many sessions are live, and what requests cost, as the database has it', async () => {
    const { url } = await shops.start();
    await shops.database.query('delete from sessions');
    const ada = new ShopBrowser(url);
    await ada.signIn('ada', 'engine');
    for (let visit = 0; visit < 5; visit++) await ada.open('/cart');
    const figures = table((await ada.open('/operations')).html);
    expect(figures['Live sessions']).toEqual(['1', '–']);
    expect(figures['Look-ups in a statement']?.[1]).toBe('1');
    expect(Number(figures['Mean time of a look-up, ms']?.[1])).toBeGreaterThan(0);
    expect(Number(figures['Statements per request']?.[1])).toBeGreaterThanOrEqual(1);
  });
});
