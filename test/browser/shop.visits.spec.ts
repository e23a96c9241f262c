import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { BrowserContext, Page } from 'playwright-core';
import { useShops } from '../support/shops.js';
import { useChromium } from './chromium.js';
import { enter, order, signIn } from './shop.js';

const DESK = { viewport: { width: 1280, height: 800 } };
const PHONE = {
  viewport: { width: 375, height: 800 },
  userAgent: 'Mozilla/5.0 (iPhone; CPU iPhone OS 26_0) Safari/604.1',
};

const shops = useShops();
const browser = useChromium();
let url: string;

beforeAll(async () => {
  ({ url } = await shops.start());
}, 60_000);
beforeEach(() => shops.database.query('delete from sessions'));

const pageOf = async (options: Parameters<typeof browser.visitor>[0] = DESK): Promise<Page> =>
  (await browser.visitor(options)).newPage();

/** Waits until a page is shown, by its heading. */
const expectPage = (page: Page, heading: string) => page.getByRole('heading', { level: 1, name: heading }).waitFor();

/** When the cookie of the session ends: in days from now; `null`: with the browser. */
const daysOfCookie = async (context: BrowserContext): Promise<number | null> => {
  const [cookie] = await context.cookies();
  return cookie === undefined || cookie.expires === -1 ? null : (cookie.expires * 1_000 - Date.now()) / 86_400_000;
};

describe.each([
  ['with scripts', true],
  ['without scripts', false],
])('In Chromium, %s, a visitor of the shop', (_how, javaScriptEnabled) => {
  it('fills a cart, which survives the login on the way to the checkout, orders, and finds the order again', async () => {
    const page = await pageOf({ ...PHONE, javaScriptEnabled });
    await page.goto(url);
    await page.getByRole('button', { name: 'Add to cart: Mug' }).click();
    await page.getByText('Mug: now in your cart.').waitFor();
    await page.getByRole('link', { name: 'Cart 1' }).click();
    await page.getByRole('spinbutton', { name: 'Quantity of Mug' }).fill('3');
    await page.getByRole('button', { name: 'Change quantity of Mug' }).click();
    await page.getByRole('link', { name: 'Cart 3' }).waitFor();
    await page.getByRole('link', { name: 'Go to checkout' }).click();
    await page.getByText('Please sign in to go on.').waitFor();
    await enter(page, 'grace', 'compiler');
    await page.getByText('3 × Mug').waitFor();
    await order(page, url);
    await page.getByText('1 Harbour Road').waitFor();
    expect(await page.getByRole('link', { name: 'Cart', exact: true }).count()).toBe(1);
    const { pathname } = new URL(page.url());
    await page.getByRole('button', { name: 'Grace Hopper' }).click();
    await page.getByRole('link', { name: 'Profile' }).click();
    expect(await page.locator(`a[href="${pathname}"]`).count()).toBe(1);
    await page.getByRole('button', { name: 'Grace Hopper' }).click();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByText('You have signed out.').waitFor();
  });

  it('is signed out on the phone by the desk, with effect on the next click there', async () => {
    const [desk, phone] = [await pageOf({ ...DESK, javaScriptEnabled }), await pageOf({ ...PHONE, javaScriptEnabled })];
    await signIn(phone, url, 'ada', 'engine');
    await phone.goto(`${url}/profile`);
    await signIn(desk, url, 'ada', 'engine');
    await desk.goto(`${url}/devices`);
    await desk.getByRole('button', { name: 'Sign out there: Safari on iOS' }).click();
    await desk.getByText('Signed out there.').waitFor();
    await phone.getByRole('link', { name: 'Where am I signed in?' }).click();
    await phone.getByText('Please sign in to go on.').waitFor();
    await desk.goto(`${url}/profile`);
    await expectPage(desk, 'Ada Lovelace');
  });

  it('is asked to sign in again before the password page, five minutes after the login', async () => {
    const page = await pageOf({ ...DESK, javaScriptEnabled });
    await signIn(page, url, 'ada', 'engine');
    await page.goto(`${url}/profile`);
    await page.getByRole('link', { name: 'Change password' }).click();
    await expectPage(page, 'Change your password');
    await shops.database.query(`update sessions set authenticated_at = authenticated_at - interval '6 min'`);
    await page.goto(`${url}/password`);
    await expectPage(page, 'Sign in again');
    await page.getByLabel('Password').fill('engine');
    await page.getByRole('button', { name: 'Go on' }).click();
    await expectPage(page, 'Change your password');
  });

  it('is kept in by “Stay signed in”', async () => {
    const page = await pageOf({ ...DESK, javaScriptEnabled });
    await signIn(page, url, 'ada', 'engine');
    await shops.database.query(`update sessions set expires_at = clock_timestamp() + interval '5 min'`);
    const answered = page.waitForResponse((response) => /\/time-left(?!\.js)/.test(response.url()));
    await page.getByRole('button', { name: 'Stay signed in' }).click();
    const answer = await answered;
    if (!javaScriptEnabled) await page.getByText('You stay signed in.').waitFor();
    const { secondsLeft } = (javaScriptEnabled ? await answer.json() : { secondsLeft: 1800 }) as {
      secondsLeft: number;
    };
    expect(secondsLeft).toBeGreaterThan(29 * 60);
    // Renewals are written a second later at most.
    const renewed = `select from sessions where expires_at > clock_timestamp() + interval '29 min'`;
    while ((await shops.database.query(renewed)).length === 0);
    await page.goto(`${url}/profile`);
    await expectPage(page, 'Ada Lovelace');
  });

  it('who is no staff is shown a page of 403, with the menu', async () => {
    const page = await pageOf({ ...PHONE, javaScriptEnabled });
    await signIn(page, url, 'grace', 'compiler');
    const [response] = await Promise.all([
      page.waitForResponse(`${url}/staff`),
      page.getByRole('link', { name: 'Staff only' }).click(),
    ]);
    expect(response.status()).toBe(403);
    await expectPage(page, 'This page is not for you');
    expect(await page.getByRole('button', { name: 'Grace Hopper' }).isVisible()).toBe(true);
  });
});

describe('In Chromium, the cookie of a login', () => {
  it('goes with the browser, or is kept for as long as browsers do where the user is to be remembered', async () => {
    const page = await pageOf();
    await signIn(page, url, 'ada', 'engine');
    expect(await daysOfCookie(page.context())).toBeNull();
    await page.context().clearCookies();
    await page.goto(`${url}/login`);
    await page.getByLabel('Remember me').check();
    await enter(page, 'ada', 'engine');
    expect(await daysOfCookie(page.context())).toBeGreaterThan(399);
    await page.getByText('30 days left').waitFor();
  });
});
