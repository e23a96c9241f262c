import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createDatabase } from '../support/database.js';
import { ShopBrowser } from '../support/shop-browser.js';
import { kill, useShops } from '../support/shops.js';

const shops = useShops();

describe('the process', () => {
  afterEach(shops.killAll);

  it('may be killed: who was signed in still is, and the cart is intact', async () => {
    const first = await shops.start();
    const browser = new ShopBrowser(first.url);
    await browser.submit('/cart/add', { product: 'clock' });
    await browser.signIn('ada', 'engine');
    await kill(first.process);

    const again = browser.tab((await shops.start()).url);
    expect(await again.cart()).toEqual({ lines: ['1 × Wall clock'], total: '€42.40' });
    expect((await again.open('/profile')).path).toBe('/profile');
  });

  it('may be one of several, which see each other’s changes at once', async () => {
    const [one, two] = await Promise.all([shops.start(), shops.start()]);
    const here = new ShopBrowser(one.url);
    const there = here.tab(two.url);
    await here.signIn('ada', 'engine');
    await here.submit('/cart/add', { product: 'mug' });
    await there.submit('/cart/add', { product: 'mug' });
    await here.submit('/cart/add', { product: 'bag' });
    const filled = { lines: ['2 × Mug', '1 × Canvas bag'], total: '€53.00' };
    expect(await there.cart()).toEqual(filled);
    expect(await here.cart()).toEqual(filled);

    const phone = new ShopBrowser(two.url);
    await phone.signIn('ada', 'engine');
    expect((await phone.open('/profile')).path).toBe('/profile');
    const [row] = await shops.database.query<{ id: string }>(
      'select id from sessions order by created_at desc limit 1',
    );
    await here.open('/devices');
    expect(here.otherDevices).toContain(row?.id);
    await here.submit(`/devices/${row?.id}/sign-out`);
    expect((await phone.open('/profile')).path).toBe('/login?next=%2Fprofile');
    expect((await there.open('/profile')).path).toBe('/profile');
  });

  it('migrates an empty database once, whoever starts first', async () => {
    const empty = await createDatabase();
    try {
      await Promise.all([1, 2, 3].map(() => shops.start({ DATABASE_URL: empty.url })));
      expect(await empty.query('select name from mikro_orm_migrations')).toEqual([
        { name: 'Migration20261120_sessions' },
      ]);
    } finally {
      await shops.killAll();
      await empty.drop();
    }
  });

  it('says in one sentence that its port is busy', async () => {
    const { port } = new URL((await shops.start()).url);
    const { code, stdout, stderr } = await shops.launch({ DATABASE_URL: shops.database.url, PORT: port }).ended;
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toBe(
      `Port ${port} is in use by another program; choose another one: PORT=${Number(port) + 1} npm start\n`,
    );
  });

  it('says in one line that its database cannot be reached, without the password', async () => {
    const { code, stdout, stderr } = await shops.launch({ DATABASE_URL: 'postgresql://ada:secret@127.0.0.1:1/shop' })
      .ended;
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^Cannot reach the database .*ECONNREFUSED 127\.0\.0\.1:1.*\n$/);
    expect(stderr).not.toContain('secret');
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('ends with exit code 0 on %s, whoever is still connected', async (signal) => {
    const shop = await shops.start();
    // Neither a silent connection, which Node would close after a minute, nor a kept one may hold it up.
    const silent = connect(Number(new URL(shop.url).port), '127.0.0.1').on('error', () => {});
    await once(silent, 'connect');
    const browser = new ShopBrowser(shop.url);
    await browser.signIn('ada', 'engine');
    const lastAccess = async (): Promise<unknown> =>
      (await shops.database.query('select last_access_at::text from sessions order by created_at desc limit 1'))[0];
    const before = await lastAccess();
    await browser.open('/assets/shop.css');
    await browser.open('/profile');

    shop.process.kill(signal);
    const { code, stderr } = await shop.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(await lastAccess()).not.toEqual(before);
    silent.destroy();
  });
});
