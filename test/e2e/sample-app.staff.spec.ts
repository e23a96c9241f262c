import { beforeAll, describe, expect, it } from '@jest/globals';
import { ShopBrowser } from '../support/shop-browser.js';
import { useShops } from '../support/shops.js';

const shops = useShops();

describe('the page for staff', () => {
  let url: string;

  beforeAll(async () => {
    ({ url } = await shops.start());
  });

  it('is shown to a user who has the role, and says how many sessions are live', async () => {
    const browser = new ShopBrowser(url);
    await browser.signIn('ada', 'engine');
    expect(browser.menu).toContain('Staff');
    await browser.open('/staff');
    expect(browser).toMatchObject({ status: 200, path: '/staff' });
    expect(browser.html).toContain('Live sessions: <strong>1</strong>');
  });

  it('is 403 for a user without the role, with the menu, and says who is signed in', async () => {
    const browser = new ShopBrowser(url);
    await browser.signIn('grace', 'compiler');
    expect(browser.menu).not.toContain('Staff');
    await browser.open('/staff');
    expect(browser).toMatchObject({ status: 403, menu: ['Cart', 'Grace Hopper', 'Profile', 'My devices', 'Sign out'] });
    expect(browser.html).toMatch(/You are signed in as Grace Hopper, who may not see this page\./);
  });

  it('is the sign-in form for a visitor, and then itself', async () => {
    const browser = new ShopBrowser(url);
    await browser.open('/staff');
    expect(browser.path).toBe('/login?next=%2Fstaff');
    await browser.press('Sign in', { user: 'ada', password: 'engine' });
    expect(browser).toMatchObject({ status: 200, path: '/staff' });
  });

  it('is named on the sign-in page, with who may see it', async () => {
    const browser = await new ShopBrowser(url).open('/login');
    const accounts = Array.from(browser.html.matchAll(/<li>(.*?)<\/li>/gs), ([, text]) =>
      text
        ?.replaceAll(/<[^>]*>/g, '')
        .replaceAll(/\s+/g, ' ')
        .trim(),
    );
    expect(accounts).toEqual([
      'ada with engine: customer, staff; may see the page Staff',
      'grace with compiler: customer; may not',
    ]);
  });
});

describe('the sign-in page', () => {
  it('says to a user who is signed in that this is so, and leads on', async () => {
    const { url } = await shops.start();
    const browser = new ShopBrowser(url);
    await browser.signIn('ada', 'engine');
    await browser.open('/login?next=%2Fprofile');
    expect(browser.status).toBe(200);
    expect(browser.html).toMatch(/<h1>You are signed in<\/h1>.*as Ada Lovelace.*href="\/profile">Go on/s);
    expect(browser.html).not.toContain('name="password"');
    await browser.open('/login?next=//evil.example');
    expect(browser.html).toContain('href="/">Go on');
    await browser.press('Sign out');
    await browser.open('/login');
    expect(browser.html).toContain('name="password"');
  });
});
