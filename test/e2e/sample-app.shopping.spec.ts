import { beforeAll, describe, expect, it } from '@jest/globals';
import { ShopBrowser } from '../support/shop-browser.js';
import { useShops } from '../support/shops.js';

const shops = useShops();

describe('a visitor', () => {
  let url: string;

  beforeAll(async () => {
    ({ url } = await shops.start());
  });

  it('fills a cart, signs in with it, sees the profile, and signs out', async () => {
    const browser = new ShopBrowser(url);
    await browser.open('/');
    await browser.press('Add to cart: Mug');
    expect(browser.flashes).toEqual(['success: Mug: now in your cart.']);
    await browser.press('Add to cart: Desk lamp');
    expect(browser.flashes).toEqual(['success: Desk lamp: now in your cart.']);
    expect((await browser.open('/')).flashes).toEqual([]);
    const filled = { lines: ['1 × Mug', '1 × Desk lamp'], total: '€73.50' };
    expect(await browser.cart()).toEqual(filled);

    await browser.open('/profile');
    expect(browser.path).toBe('/login?next=%2Fprofile');
    expect(browser.flashes).toEqual(['info: Please sign in to go on.']);
    await browser.press('Sign in', { user: 'ada', password: 'engine' });
    expect(browser.path).toBe('/profile');
    expect(browser.flashes).toEqual(['success: Welcome, Ada Lovelace!']);
    expect(browser.html).toMatch(/<h1>Ada Lovelace<\/h1>.*>customer<.*>staff</s);
    expect(await browser.cart()).toEqual(filled);

    await browser.press('Sign out');
    expect(browser.flashes).toEqual(['info: You have signed out.']);
    expect(await browser.cart()).toEqual({ lines: [], total: undefined });
    expect((await browser.open('/profile')).path).toBe('/login?next=%2Fprofile');
  });

  it('changes quantities and removes things', async () => {
    const browser = new ShopBrowser(url);
    await browser.submit('/cart/add', { product: 'mug' });
    await browser.submit('/cart/add', { product: 'plant' });
    await browser.open('/cart');
    await browser.press('Change', { quantity: '3' });
    expect(await browser.cart()).toEqual({ lines: ['3 × Mug', '1 × House plant'], total: '€62.40' });
    await browser.press('Change', { quantity: 'many' });
    expect(browser.flashes).toEqual(['warning: How many of Mug? Please enter a number.']);
    await browser.press('Remove');
    expect(await browser.cart()).toEqual({ lines: ['1 × House plant'], total: '€23.80' });
    expect((await browser.submit('/cart/add', { product: '__proto__' })).status).toBe(404);
  });

  it('may click faster than the shop answers', async () => {
    const browser = new ShopBrowser(url);
    await browser.submit('/cart/add', { product: 'mug' });
    const clicks = [1, 2, 3, 4, 5].map(() => browser.tab().submit('/cart/add', { product: 'mug' }));
    await Promise.all(clicks);
    expect(await browser.cart()).toEqual({ lines: ['6 × Mug'], total: '€87.00' });
  });

  it('orders once, though the button is pressed five times at the same moment', async () => {
    const browser = await new ShopBrowser(url).signIn('grace', 'compiler');
    await browser.submit('/cart/add', { product: 'lamp' });
    const home = { name: 'Grace Hopper', street: '1 Harbour Road', town: 'Cork' };
    const presses = await Promise.all([1, 2, 3, 4, 5].map(() => browser.tab().submit('/checkout', home)));
    const places = presses.map(({ path }) => path.replace(/\d+/, 'n')).sort();
    expect(places).toEqual(['/orders/n', '/profile', '/profile', '/profile', '/profile']);
  });

  it('is told how many attempts to sign in failed', async () => {
    const browser = new ShopBrowser(url);
    for (const count of [1, 2]) {
      await browser.signIn('ada', 'guess');
      expect(browser.path).toBe('/login?next=%2F');
      expect(browser.flashes).toEqual([`error: That name and password do not match. Failed attempts: ${count}.`]);
    }
    await browser.signIn('nobody', '');
    await browser.signIn('ada', 'engine');
    expect(browser.flashes).toEqual([
      'success: Welcome, Ada Lovelace!',
      'warning: Failed attempts to sign in before: 3.',
    ]);
    await browser.press('Sign out');
    await browser.signIn('ada', 'guess');
    expect(browser.flashes[0]).toMatch(/Failed attempts: 1\.$/);
  });

  it('stays signed in for 30 days where that was asked for', async () => {
    const ttl = async (fields: Record<string, string>): Promise<unknown> => {
      await shops.database.query('delete from sessions');
      await new ShopBrowser(url).signIn('ada', 'engine', fields);
      return (await shops.database.query('select ttl::float8 from sessions where user_id is not null'))[0]?.['ttl'];
    };
    expect(await ttl({ remember: 'yes' })).toBe(30 * 24 * 60 * 60 * 1_000);
    expect(await ttl({})).toBe(30 * 60 * 1_000);
  });

  it.each([
    '//evil.example/cart',
    '/\\evil.example/cart',
    '/\t/evil.example/cart',
    '/.//evil.example/cart',
    'https://evil.example/cart',
  ])('is not sent to another site after login: %j', async (next) => {
    const browser = new ShopBrowser(url);
    await browser.open(`/login?${new URLSearchParams({ next }).toString()}`);
    await browser.press('Sign in', { user: 'ada', password: 'engine' });
    expect(browser.path).toBe('/');
    await browser.submit('/login', { user: 'ada', password: 'engine', next });
    expect(browser.path).toBe('/');
  });

  it('cannot put markup into a page', async () => {
    const browser = new ShopBrowser(url);
    browser.userAgent = `"><script>alert('1')</script>`;
    await browser.signIn('ada', 'engine');
    await browser.open('/devices');
    expect(browser.html).toContain('title="&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;"');
    expect(browser.html).not.toContain('<script>');
  });
});
