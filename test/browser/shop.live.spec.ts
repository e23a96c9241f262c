import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { useShops } from '../support/shops.js';
import { useChromium } from './chromium.js';
import { signIn } from './shop.js';

const shops = useShops();
const browser = useChromium();
let url: string;

beforeAll(async () => {
  ({ url } = await shops.start());
}, 60_000);
beforeEach(() => shops.database.query('delete from sessions'));

/** Opens a page as this user, and waits until that is written: with all accesses before it, a second later at most. */
const access = async (page: Page, user: string): Promise<void> => {
  const [now] = await shops.database.query<{ at: string }>('select clock_timestamp()::text as at');
  await page.goto(`${url}/cart`);
  const written = 'select from sessions where user_id = $1 and last_access_at > $2';
  while ((await shops.database.query(written, [user, now?.at])).length === 0);
};

/** Signed in, in front of a page whose clock the test moves. */
const signedIn = async (): Promise<Page> => {
  const page = await (await browser.visitor()).newPage();
  await page.clock.install();
  await signIn(page, url, 'ada', 'engine');
  return page;
};

describe('In Chromium, the countdown to the end of the session', () => {
  it('counts the seconds, warns two minutes before the end, and starts anew when the user stays', async () => {
    const page = await signedIn();
    const bar = page.getByRole('region', { name: 'Your session' });
    await page.clock.fastForward('10:00');
    await bar.getByText(/· (20:00|19:\d\d) left/).waitFor();
    expect(await bar.getByRole('status').textContent()).toBe('');
    await page.clock.fastForward('18:30');
    await bar.getByText('You will be signed out soon.').waitFor();
    await bar.getByRole('button', { name: 'Stay signed in' }).click();
    await bar.getByText(/· (30:00|29:\d\d) left/).waitFor();
    expect(await bar.getByRole('status').textContent()).toBe('');
  });

  it('says at the end that the user is signed out, and leads to the sign-in and back', async () => {
    const page = await signedIn();
    await page.goto(`${url}/devices`);
    await shops.database.query('update sessions set expires_at = clock_timestamp()');
    await page.clock.fastForward('30:01');
    await page.getByText('You are signed out.').waitFor();
    expect(await page.getByRole('button', { name: 'Stay signed in' }).count()).toBe(0);
    await page.getByRole('link', { name: 'Sign in again' }).click();
    expect(page.url()).toBe(`${url}/login?next=%2Fdevices`);
  });

  it('goes on at the end where another tab has kept the session alive, and does not renew it itself', async () => {
    const page = await signedIn();
    await access(page, 'ada');
    const expiry = `select expires_at::text from sessions where user_id = 'ada'`;
    await shops.database.query(`update sessions set expires_at = clock_timestamp() + interval '12 min 30 s'`);
    const before = await shops.database.query(expiry);
    await page.clock.fastForward('30:01');
    await page.getByText(/· 1[12]:\d\d left/).waitFor();
    const other = await (await browser.visitor()).newPage();
    await signIn(other, url, 'grace', 'compiler');
    await access(other, 'grace');
    expect(await shops.database.query(expiry)).toEqual(before);
  });
});

describe('In Chromium, the operator’s page', () => {
  const watching = async (): Promise<Page> => {
    const page = await (await browser.visitor()).newPage();
    await signIn(page, url, 'ada', 'engine');
    await page.goto(`${url}/operations`);
    return page;
  };
  /** A figure in the table. */
  const cell = (page: Page, figure: string) => page.locator(`td[data-figure=${figure}]`);
  const becomes = (page: Page, figure: string, text: string | RegExp) =>
    page.locator(`td[data-figure=${figure}]`, { hasText: text }).waitFor();

  it('draws a chart of each kind of figures, in the colours of the scheme', async () => {
    const page = await watching();
    expect(await page.locator('canvas').count()).toBe(6);
    /** How bright the lines and letters are, from 0 to 255. */
    const brightness = () =>
      page.evaluate<number>(`(() => {
        const { width, height } = document.querySelector('canvas');
        const { data } = document.querySelector('canvas').getContext('2d').getImageData(0, 0, width, height);
        const greens = data.filter((_value, index) => index % 4 === 1 && data[index + 2] > 128);
        return greens.reduce((sum, value) => sum + value, 0) / greens.length;
      })()`);
    expect(await brightness()).toBeLessThan(130);
    await page.emulateMedia({ colorScheme: 'dark' });
    while ((await brightness()) < 160);
  });

  it('follows what happens: requests, and sessions that begin and end', async () => {
    const page = await watching();
    expect(await cell(page, 'live').textContent()).toBe('1');
    const other = await (await browser.visitor()).newPage();
    await signIn(other, url, 'grace', 'compiler');
    await becomes(page, 'live', '2');
    do
      await other.evaluate(
        `Promise.all(Array.from({ length: 20 }, () => fetch('/cart').then((answer) => answer.text())))`,
      );
    while (Number(await cell(page, 'requests').textContent()) < 5);
    await shops.database.query(`delete from sessions where user_id = 'grace'`);
    await becomes(page, 'live', '1');
  });

  it('stands still once the session of the operator is ended elsewhere, and says so', async () => {
    const page = await watching();
    await page.locator('canvas').first().waitFor();
    await shops.database.query('delete from sessions');
    await page.getByText('These figures stand still').waitFor();
    const { length } = await shops.database.query('select from sessions');
    expect(length).toBe(0);
  });

  it('has its figures in a table, and no charts, without scripts', async () => {
    const page = await (await browser.visitor({ javaScriptEnabled: false })).newPage();
    await signIn(page, url, 'ada', 'engine');
    await page.goto(`${url}/operations`);
    expect(await page.locator('.charts').isVisible()).toBe(false);
    expect(await cell(page, 'live').textContent()).toBe('1');
    await page.getByRole('link', { name: 'Read the figures again' }).click();
    expect(await cell(page, 'live').textContent()).toBe('1');
  });
});
