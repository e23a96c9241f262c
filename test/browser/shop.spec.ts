import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { useShops } from '../support/shops.js';
import { axeViolations } from './axe.js';
import { useChromium } from './chromium.js';
import { overflowing, weakFocus, weakOutlines, weakText } from './layout.js';
import { SHOP_PAGES } from './shop.js';

const WIDTHS = [1280, 600, 375, 320];
const SCHEMES = ['light', 'dark'] as const;
const shops = useShops();
const browser = useChromium();
let url: string;

beforeAll(async () => {
  ({ url } = await shops.start());
}, 60_000);

// Devices of one browser that signed in within one minute have one name.
beforeEach(() => shops.database.query('delete from sessions'));

describe.each(Object.entries(SHOP_PAGES))('In Chromium, the shop’s page %s', (name, open) => {
  const visit = async (): Promise<Page> => {
    // Colours are measured: none is to be on its way to another one.
    const page = await (await browser.visitor({ reducedMotion: 'reduce' })).newPage();
    await open(page, url);
    // What a click leads to is there before its style sheet.
    await page.waitForLoadState('load');
    return page;
  };

  it('fits into the window, from 1280 pixels down to 320', async () => {
    const page = await visit();
    if (name === 'devices') {
      // The longest address there is.
      await shops.database.query(`update sessions set ip = '2001:0db8:85a3:0000:0000:8a2e:0370:7334'`);
      await page.reload();
    }
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 800 });
      // Charts follow their boxes a frame later.
      await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
      expect({ width, overflowing: await overflowing(page) }).toEqual({ width, overflowing: [] });
    }
  });

  it('has nothing that axe-core finds fault with, light and dark, at 1280 pixels and at 375', async () => {
    const page = await visit();
    for (const colorScheme of SCHEMES) {
      await page.emulateMedia({ colorScheme });
      for (const width of [1280, 375]) {
        await page.setViewportSize({ width, height: 800 });
        const violations = await axeViolations(page);
        expect({ colorScheme, width, violations }).toEqual({ colorScheme, width, violations: [] });
      }
    }
  });

  it('has a contrast of 3:1 in the edges of fields and buttons and in the ring of the focus, and of 4.5:1 in its text', async () => {
    const page = await visit();
    for (const colorScheme of SCHEMES) {
      await page.emulateMedia({ colorScheme });
      const weak = { outlines: await weakOutlines(page), text: await weakText(page), focus: await weakFocus(page) };
      expect({ colorScheme, ...weak }).toEqual({ colorScheme, outlines: [], text: [], focus: [] });
    }
  });

  it('has a name of its own for every field, button and link', async () => {
    const page = await visit();
    const tree = await page.locator('body').ariaSnapshot();
    const controls = Array.from(
      tree.matchAll(/- ((?:spinbutton|textbox|checkbox|button|link)(?: ".*?")?)/g),
      ([, control]) => control,
    );
    expect(controls).toEqual([...new Set(controls)]);
    expect(controls.filter((control) => !control?.includes('"'))).toEqual([]);
  });
});

describe('In Chromium, the cart', () => {
  it('names each quantity by its product', async () => {
    const page = await (await browser.visitor()).newPage();
    await SHOP_PAGES['full cart']?.(page, url);
    for (const name of ['Mug', 'Notebook', 'Desk lamp', 'House plant', 'Canvas bag', 'Wall clock']) {
      expect(await page.getByRole('spinbutton', { name: `Quantity of ${name}`, exact: true }).count()).toBe(1);
    }
  });

  it('is a table with headings in a narrow window as well', async () => {
    const page = await (await browser.visitor()).newPage();
    await page.setViewportSize({ width: 320, height: 800 });
    await SHOP_PAGES['full cart']?.(page, url);
    const table = page.getByRole('table');
    expect(await table.getByRole('columnheader').allTextContents()).toEqual(['Product', 'Quantity', 'Price']);
    expect(await table.getByRole('row').count()).toBe(7);
    expect(await table.getByRole('cell', { name: '€1,435.50' }).count()).toBe(1);
  });
});
