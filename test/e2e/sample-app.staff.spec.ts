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

  it('signs a customer out everywhere, with effect on their next click, and spares who asks for it', async () => {
    const [staff, customer] = [new ShopBrowser(url), new ShopBrowser(url)];
    await staff.signIn('ada', 'engine');
    await customer.signIn('grace', 'compiler');
    await staff.open('/staff');
    await staff.press('Sign out everywhere: Grace Hopper');
    expect(staff.flashes).toEqual([expect.stringMatching(/^success: Grace Hopper: signed out on \d+ devices?\.$/)]);
    expect((await customer.open('/profile')).path).toBe('/login?next=%2Fprofile');
    await staff.press('Sign out everywhere: Ada Lovelace');
    expect(staff.path).toBe('/staff');
    await customer.signIn('grace', 'compiler');
    await customer.submit('/staff/customers/ada/sign-out');
    expect(customer.status).toBe(403);
    expect((await staff.open('/staff')).path).toBe('/staff');
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
    expect(accounts).toEqual(['ada with engine, who works here', 'grace with compiler, a customer']);
  });
});

describe('the sign-in page', () => {
  it('says to a user who is signed in that this is so, and asks for the password only', async () => {
    const { url } = await shops.start();
    const browser = new ShopBrowser(url);
    await browser.signIn('ada', 'engine');
    await browser.open('/login?next=%2Fprofile');
    expect(browser.status).toBe(200);
    expect(browser.html).toMatch(/<h1>Sign in again<\/h1>.*as <strong>Ada Lovelace<\/strong>/s);
    await browser.press('Go on', { password: 'engine' });
    expect(browser.path).toBe('/profile');
    await browser.open('/login?next=//evil.example');
    expect(browser.html).toContain('name="next" value="/"');
    await browser.press('Sign out');
    await browser.open('/login');
    expect(browser.html).toContain('<input name="user"');
  });
});
