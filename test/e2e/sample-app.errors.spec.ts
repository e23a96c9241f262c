import { beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from '../support/client.js';
import { ShopBrowser } from '../support/shop-browser.js';
import { useShops } from '../support/shops.js';

const shops = useShops();
const MENU = ['Cart 1', 'Ada Lovelace', 'Profile', 'My devices', 'Staff', 'Operations', 'Sign out'];

describe('an error page', () => {
  let url: string;

  beforeAll(async () => {
    ({ url } = await shops.start());
  });

  const signedIn = async (user = 'ada', password = 'engine') => {
    const browser = new ShopBrowser(url);
    await browser.submit('/cart/add', { product: 'mug' });
    return browser.signIn(user, password);
  };

  it('of 404 has the menu of the visitor, signed in or not', async () => {
    const browser = await signedIn();
    await browser.open('/nowhere');
    expect(browser).toMatchObject({ status: 404, menu: MENU });
    await browser.submit('/cart/add', { product: '__proto__' });
    expect(browser).toMatchObject({ status: 404, menu: MENU });
    const stranger = await new ShopBrowser(url).open('/nowhere');
    expect(stranger).toMatchObject({ status: 404, menu: ['Cart', 'Sign in'] });
    expect(await shops.database.query('select from sessions where user_id is null')).toEqual([]);
  });

  it('leaves flash messages to the page after it', async () => {
    const client = new Client(url);
    await client.post('/cart/add', { product: 'mug' });
    expect((await client.get('/nowhere')).text).not.toContain('Mug: now in your cart.');
    expect((await client.get('/')).text).toContain('Mug: now in your cart.');
  });

  it('of 413 says what happened, with the menu', async () => {
    const browser = await signedIn();
    await browser.submit('/cart/add', { product: 'x'.repeat(200_000) });
    expect(browser).toMatchObject({ status: 413, menu: MENU });
    expect(browser.html).toContain('too large');
  });

  it('of 500 has the menu, and does not say what failed', async () => {
    const browser = await signedIn();
    await shops.database.query(`
      create function refuse() returns trigger language plpgsql as $$ begin raise exception 'Refused.'; end $$;
      create trigger refuse before update on sessions for each row
      when (new.data->'cart' is distinct from old.data->'cart') execute function refuse()`);
    await browser.submit('/cart/add', { product: 'mug' });
    await shops.database.query('drop function refuse cascade');
    expect(browser).toMatchObject({ status: 500, menu: MENU });
    expect(browser.html).not.toMatch(/refuse|trigger|database/i);
  });

  it('of 500 has the menu of no session where the session is what failed', async () => {
    const browser = await signedIn();
    await shops.database.query(`update sessions set data = '{"cart": null}'`);
    expect(await browser.open('/cart')).toMatchObject({ status: 500, menu: ['Cart'] });
    expect((await new ShopBrowser(url).open('/')).status).toBe(200);
  });

  it('of 503 has the menu of no session, and the visitor is signed in again afterwards', async () => {
    const browser = await signedIn();
    const lock = await shops.database.hold('lock table sessions in access exclusive mode');
    await browser.open('/profile');
    await lock.release();
    expect(browser).toMatchObject({ status: 503, menu: ['Cart'] });
    expect(browser.html).toContain('Please try again in a moment');
    expect(await browser.open('/profile')).toMatchObject({ status: 200, path: '/profile' });
  });

  it('is the sign-in form where the session ended while the request was under way', async () => {
    const browser = await signedIn();
    const [row] = await shops.database.query<{ id: string }>(
      'select id from sessions order by created_at desc limit 1',
    );
    const lock = await shops.database.hold('delete from sessions where id = $1', [row?.id]);
    const adding = browser.submit('/cart/add', { product: 'mug' });
    await heldOut();
    await lock.release();
    expect(await adding).toMatchObject({ status: 200, path: '/login', menu: ['Cart', 'Sign in'] });
  });
});

/** Until a row was found to be held by another transaction. */
async function heldOut(): Promise<void> {
  for (;;) {
    const asking = await shops.database.query(
      `select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and query like '%for share skip locked%'`,
    );
    if (asking.length > 0) return;
  }
}
