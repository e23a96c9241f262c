import { describe, expect, it } from '@jest/globals';
import { ShopBrowser } from '../support/shop-browser.js';
import { figuresTable } from '../../sample-app/test/figures-table.js';
import { useShops } from '../support/shops.js';

const shops = useShops();

describe('the operator’s page', () => {
  it('says how many sessions are live, and what requests cost, as the database has it', async () => {
    const { url } = await shops.start();
    await shops.database.query('delete from sessions');
    const ada = new ShopBrowser(url);
    await ada.signIn('ada', 'engine');
    for (let visit = 0; visit < 5; visit++) await ada.open('/cart');
    const figures = figuresTable((await ada.open('/operations')).html);
    expect(figures['Live sessions']).toEqual(['1', '–']);
    expect(figures['Look-ups in a statement']?.[1]).toBe('1');
    expect(Number(figures['Mean time of a look-up, ms']?.[1])).toBeGreaterThan(0);
    expect(Number(figures['Statements per request']?.[1])).toBeGreaterThanOrEqual(1);
  });
});
