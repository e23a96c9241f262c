import type { Browser, Page } from 'playwright-core';

/** The pages of the sample shop, by what a visitor has done before; each brings the page there. */
export const SHOP_PAGES: Readonly<Record<string, (page: Page, url: string) => Promise<void>>> = {
  products: async (page, url) => {
    await page.goto(url);
    await page.getByRole('button', { name: 'Add to cart: Mug' }).click();
    await page.getByRole('status').waitFor();
  },
  'empty cart': async (page, url) => {
    await page.goto(`${url}/cart`);
  },
  'full cart': async (page, url) => {
    await signIn(page, url, 'ada', 'engine');
    await fillCart(page, url);
  },
  checkout: async (page, url) => {
    await signIn(page, url, 'grace', 'compiler');
    await fillCart(page, url);
    await page.goto(`${url}/checkout`);
  },
  order: async (page, url) => {
    await signIn(page, url, 'grace', 'compiler');
    await fillCart(page, url);
    await order(page, url);
  },
  'sign-in': async (page, url) => {
    await page.goto(`${url}/profile`);
  },
  'sign-in while signed in': async (page, url) => {
    await signIn(page, url, 'ada', 'engine');
    await page.goto(`${url}/login`);
  },
  profile: async (page, url) => {
    await SHOP_PAGES['order']?.(page, url);
    await page.goto(`${url}/profile`);
  },
  password: async (page, url) => {
    await signIn(page, url, 'ada', 'engine');
    await page.goto(`${url}/password`);
  },
  'password that is too short': async (page, url) => {
    await SHOP_PAGES['password']?.(page, url);
    await page.getByLabel('New password').evaluate((field) => field.removeAttribute('minlength'));
    await page.getByLabel('Current password').fill('engine');
    await page.getByLabel('New password').fill('short');
    await page.getByRole('button', { name: 'Change password' }).click();
    await page.getByText('That is too short').waitFor();
  },
  devices: async (page, url) => {
    for (const userAgent of ['Mozilla/5.0 (Android 16; Mobile) Gecko/150.0 Firefox/150.0', 'curl/8.14.1']) {
      const other = await (page.context().browser() as Browser).newContext({ userAgent });
      await signIn(await other.newPage(), url, 'ada', 'engine');
      await other.close();
    }
    await signIn(page, url, 'ada', 'engine');
    await page.goto(`${url}/devices`);
  },
  staff: async (page, url) => {
    await SHOP_PAGES['order']?.(page, url);
    await page.context().clearCookies();
    await signIn(page, url, 'ada', 'engine');
    await page.goto(`${url}/staff`);
  },
  operations: async (page, url) => {
    await signIn(page, url, 'ada', 'engine');
    await page.goto(`${url}/operations`);
    await page.locator('canvas').first().waitFor();
  },
  'open menu': async (page, url) => {
    await signIn(page, url, 'ada', 'engine');
    await page.getByRole('button', { name: 'Ada Lovelace' }).click();
    await page.getByRole('link', { name: 'My devices' }).waitFor();
  },
  'forbidden page': async (page, url) => {
    await signIn(page, url, 'grace', 'compiler');
    await page.goto(`${url}/staff`);
  },
  'missing page': async (page, url) => {
    await signIn(page, url, 'ada', 'engine');
    await page.goto(`${url}/nowhere`);
  },
};

export async function signIn(page: Page, url: string, user: string, password: string): Promise<void> {
  await page.goto(`${url}/login`);
  await enter(page, user, password);
}

/** Fills in the sign-in form that is shown, and waits for the page behind it with all its scripts. */
export async function enter(page: Page, user: string, password: string): Promise<void> {
  await page.getByLabel('Name').fill(user);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText('Welcome').waitFor();
  await page.waitForLoadState();
}

/** Orders what is in the cart. */
export async function order(page: Page, url: string): Promise<void> {
  await page.goto(`${url}/checkout`);
  await page.getByLabel('Street').fill('1 Harbour Road');
  await page.getByLabel('Town').fill('Cork');
  await page.getByRole('button', { name: 'Order for' }).click();
  await page.getByText('Thank you!').waitFor();
}

/** As many of everything as the shop sells. */
async function fillCart(page: Page, url: string): Promise<void> {
  for (const product of ['mug', 'notebook', 'lamp', 'plant', 'bag', 'clock']) {
    await page.request.post(`${url}/cart/change`, { form: { product, quantity: '99' } });
  }
  await page.goto(`${url}/cart`);
}
