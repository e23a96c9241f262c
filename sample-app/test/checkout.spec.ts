import { describe, expect, it } from '@jest/globals';
import { expectFlash, readSession } from 'nestjs-mikro-session/testing';
import { useShopApp } from './shop-app.js';

const shop = useShopApp();
const HOME = { name: 'Grace Hopper', street: '1 Harbour Road', town: 'Cork' };

const cookieOf = (response: { get(name: 'Set-Cookie'): string[] | undefined }) => ({
  headers: { cookie: (response.get('Set-Cookie') ?? []).join().split(';')[0] as string },
});

describe('the checkout', () => {
  it('asks a visitor to sign in, has the cart from before, and empties it with the order', async () => {
    const visitor = cookieOf(await shop.request().post('/cart/add').type('form').send({ product: 'mug' }));
    await shop.get('/checkout', visitor).expect(303).expect('Location', '/login?next=%2Fcheckout');
    const login = { user: 'grace', password: 'compiler', next: '/checkout' };
    const grace = cookieOf(await shop.post('/login', visitor, login).expect('Location', '/checkout'));
    await shop.get('/checkout', grace).expect(200, /1 × Mug.*€14\.50.*€4\.90.*€19\.40/s);

    const ordered = await shop.post('/checkout', grace, HOME).expect(303);
    expect(ordered.get('Location')).toMatch(/^\/orders\/\d+$/);
    await expectFlash(shop.app, grace.headers.cookie, 'success', 'Thank you! Your order is on its way.');
    const session = await readSession(shop.app, grace.headers.cookie);
    expect([session?.data.cart, session?.data.delivery]).toEqual([undefined, HOME]);
    await shop
      .get(ordered.get('Location') as unknown as string, grace)
      .expect(200, /1 × Mug.*€19\.40.*1 Harbour Road/s);
  });

  it('asks for what is missing, and keeps what was filled in', async () => {
    const grace = await shop.grace({ cart: { bag: 1 } });
    await shop.post('/checkout', grace, { ...HOME, town: ' ' }).expect('Location', '/checkout');
    await expectFlash(shop.app, grace.cookie, 'error', 'Where to? Please fill in name, street and town.');
    await shop.get('/checkout', grace).expect(200, /value="1 Harbour Road".*1 × Canvas bag/s);
  });

  it('says of an empty cart that it is empty', async () => {
    await shop.get('/checkout', await shop.grace()).expect(200, /your cart is empty/);
  });
});

describe('an order', () => {
  it('is on the profile of its user, with those before it', async () => {
    const numbers: string[] = [];
    const grace = await shop.grace();
    for (const product of ['clock', 'mug']) {
      await shop.post('/cart/add', grace, { product });
      numbers.unshift(String((await shop.post('/checkout', grace, HOME)).get('Location')));
    }
    const { text } = await shop.get('/profile', grace).expect(200);
    const listed = Array.from(text.matchAll(/href="(\/orders\/\d+)"/g), ([, place]) => place);
    expect(listed.slice(0, 2)).toEqual(numbers);
  });

  it('is shown to the user who has placed it, and is no page for others', async () => {
    const grace = await shop.grace({ cart: { clock: 1 } });
    const place = String((await shop.post('/checkout', grace, HOME)).get('Location'));
    await shop.get(place, grace).expect(200);
    await shop.get(place, await shop.ada()).expect(404);
    await shop
      .request()
      .get(place)
      .expect(303)
      .expect('Location', `/login?next=${encodeURIComponent(place)}`);
  });
});
