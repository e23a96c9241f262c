import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { useShops } from '../support/shops.js';
import { useChromium } from './chromium.js';
import { SHOP_PAGES } from './shop.js';

const FOLDER = 'docs/images';
/** Whether the pictures are taken anew: `UPDATE_PICTURES=1 npm run test:browser -- shop.pictures`. */
const UPDATES = Boolean(process.env['UPDATE_PICTURES']);
const MOST_BYTES = 150_000;
const PAGES = ['shop', 'devices', 'operations'] as const;

const shops = useShops();
const browser = useChromium();
let url: string;

beforeAll(async () => {
  ({ url } = await shops.start());
}, 60_000);
beforeEach(() => shops.database.query('delete from sessions'));

const open: Record<(typeof PAGES)[number], (page: Page) => Promise<unknown>> = {
  shop: async (page) => {
    await SHOP_PAGES['products']?.(page, url);
    await page.getByRole('button', { name: 'Add to cart: Desk lamp' }).click();
    await page.getByText('Desk lamp: now in your cart.').waitFor();
  },
  devices: async (page) => SHOP_PAGES['devices']?.(page, url),
  operations: async (page) => {
    await SHOP_PAGES['operations']?.(page, url);
    const visitors = await Promise.all(Array.from({ length: 12 }, (_, index) => visiting(index)));
    await page.waitForTimeout(90_000);
    for (const visitor of visitors) clearInterval(visitor);
  },
};

/** A visitor who clicks through the shop until the end of the timer, now more quickly and now less. */
async function visiting(index: number): Promise<NodeJS.Timeout> {
  const context = await browser.visitor();
  let click = 0;
  return setInterval(() => {
    click++;
    // They come one after the other.
    if (click < index * 12 || Math.sin(click / (5 + index)) < -0.2) return;
    const request =
      click % 3 === 0
        ? context.request.post(`${url}/cart/add`, { form: { product: 'mug' } })
        : context.request.get(`${url}/cart`);
    request.catch(() => {});
  }, 400);
}

describe.each(PAGES)('The picture of the page %s', (name) => {
  const shots = [1280, 375].flatMap((width) => (['light', 'dark'] as const).map((scheme) => ({ width, scheme })));

  if (UPDATES) {
    it('is taken anew, at both widths, light and dark', async () => {
      const page = await (await browser.visitor({ reducedMotion: 'reduce' })).newPage();
      await open[name](page);
      await mkdir(FOLDER, { recursive: true });
      for (const { width, scheme } of shots) {
        await page.emulateMedia({ colorScheme: scheme });
        await page.setViewportSize({ width, height: width === 1280 ? 840 : 720 });
        // Nothing is under the pointer, and the charts are of the new size.
        await page.mouse.move(0, 0);
        await page.waitForTimeout(500);
        const picture = await page.screenshot({ type: 'png' });
        expect(picture.byteLength).toBeLessThan(MOST_BYTES);
        await writeFile(`${FOLDER}/${name}-${width}-${scheme}.png`, picture);
      }
    }, 300_000);
  }

  it.each(shots)('of $width pixels, $scheme, is there, and small', async ({ width, scheme }) => {
    const { byteLength } = await readFile(`${FOLDER}/${name}-${width}-${scheme}.png`);
    expect(byteLength).toBeLessThan(MOST_BYTES);
  });
});
