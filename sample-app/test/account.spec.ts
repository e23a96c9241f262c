import { describe, expect, it } from '@jest/globals';
import {
  advanceSessionClock,
  expectFlash,
  expectSignedIn,
  expectSignedOut,
  readSession,
} from 'nestjs-mikro-session/testing';
import { useShopApp } from './shop-app.js';

const shop = useShopApp();

describe('a login', () => {
  const login = (fields: Record<string, string>) =>
    shop
      .request()
      .post('/login')
      .type('form')
      .send({ user: 'ada', password: 'engine', ...fields });

  it('that is to be remembered lasts for 30 days after the last visit, and its cookie outlives the browser', async () => {
    const response = await login({ remember: 'yes' });
    const cookies = response.get('Set-Cookie') ?? [];
    expect(cookies.join()).toMatch(/Max-Age=34560000/);
    const headers = { cookie: cookies.join().split(';')[0] as string };
    for (let month = 0; month < 3; month++) {
      advanceSessionClock(shop.app, '29d');
      await shop.get('/profile', { headers }).expect(200, /Remembered for 30 days/);
    }
    advanceSessionClock(shop.app, '31d');
    await expectSignedOut(shop.app, cookies);
  });

  it('else lasts for half an hour after the last visit, and its cookie goes with the browser', async () => {
    const cookies = (await login({})).get('Set-Cookie') ?? [];
    expect(cookies).toHaveLength(1);
    expect(cookies.join()).not.toMatch(/Max-Age|Expires/);
    advanceSessionClock(shop.app, '29m');
    await expectSignedIn(shop.app, cookies, 'ada');
    advanceSessionClock(shop.app, '2m');
    await expectSignedOut(shop.app, cookies);
  });

  it('is welcomed, and keeps the snapshot that pages show', async () => {
    const cookies = (await login({})).get('Set-Cookie');
    await expectFlash(shop.app, cookies, 'success', 'Welcome, Ada Lovelace!');
    const session = await readSession(shop.app, cookies);
    expect(session?.auth).toEqual({ name: 'Ada Lovelace', roles: ['customer', 'staff'], isRemembered: false });
  });
});

describe('the page for another password', () => {
  it('asks for the password again where the login was more than five minutes ago, and is shown then', async () => {
    const ada = await shop.ada();
    await shop.get('/password', ada).expect(200, /<h1>Change your password/);
    advanceSessionClock(shop.app, '6m');
    await shop.get('/password', ada).expect(303).expect('Location', '/login?next=%2Fpassword');
    const { text } = await shop.get('/login?next=%2Fpassword', ada).expect(200, /Please sign in again to go on/);
    expect(text).toMatch(/<h1>Sign in again.*as <strong>Ada Lovelace<\/strong>.*name="user" value="ada"/s);
    const again = await shop.post('/login', ada, { user: 'ada', password: 'engine', next: '/password' });
    expect(again.get('Location')).toBe('/password');
    const cookie = (again.get('Set-Cookie') ?? []).join().split(';')[0] as string;
    await shop.get('/password', { headers: { cookie } }).expect(200, /<h1>Change your password/);
  });

  it('leads back to itself from a form that was sent too late', async () => {
    const ada = await shop.ada();
    advanceSessionClock(shop.app, '6m');
    const server = await shop.app.listen(0, '127.0.0.1');
    const { port } = server.address() as { port: number };
    const sent = (referer: string) =>
      fetch(`http://127.0.0.1:${port}/password`, {
        method: 'POST',
        redirect: 'manual',
        headers: { ...ada.headers, referer },
      });
    const { headers } = await sent(`http://127.0.0.1:${port}/password`);
    expect(headers.get('location')).toBe('/login?next=%2Fpassword');
    expect((await sent('http://evil.example/password')).headers.get('location')).toBe('/login');
  });

  it('refuses one that is too short, and leaves all sessions alone', async () => {
    const [here, there] = [await shop.ada(), await shop.ada()];
    await shop.post('/password', here, { current: 'engine', password: 'short' }).expect('Location', '/password');
    await expectFlash(shop.app, here.cookie, 'error', 'That is too short: a password has 8 characters or more.');
    await expectSignedIn(shop.app, there.cookie, 'ada');
  });

  it('refuses who does not know the present one, as a thief of the cookie', async () => {
    const here = await shop.grace();
    for (const given of [{}, { current: 'a guess' }]) {
      await shop.post('/password', here, { ...given, password: 'a new compiler' }).expect('Location', '/password');
    }
    await expectFlash(shop.app, here.cookie, 'error', 'That is not your current password.');
    const login = await shop.request().post('/login').type('form').send({ user: 'grace', password: 'compiler' });
    expect(login.get('Location')).toBe('/');
  });

  it('signs out everywhere else, and a copy of the cookie that was used as well', async () => {
    const [here, there, other] = [await shop.grace(), await shop.grace(), await shop.ada()];
    const form = { current: 'compiler', password: 'a new compiler' };
    const changed = await shop.post('/password', here, form).expect('Location', '/profile');
    await expectSignedIn(shop.app, changed.get('Set-Cookie'), 'grace');
    await expectFlash(shop.app, changed.get('Set-Cookie'), 'success');
    await expectSignedOut(shop.app, here.cookie);
    await expectSignedOut(shop.app, there.cookie);
    await expectSignedIn(shop.app, other.cookie, 'ada');
    const login = (password: string) =>
      shop.request().post('/login').type('form').send({ user: 'grace', password, next: '/profile' });
    expect((await login('compiler')).get('Location')).toBe('/login?next=%2Fprofile');
    expect((await login('a new compiler')).get('Location')).toBe('/profile');
  });
});

describe('a request that shows no page', () => {
  it('of a script is told 401 as JSON, not sent to a form', async () => {
    await shop
      .request()
      .get('/time-left')
      .set('Accept', 'application/json')
      .expect(401, /Sign in to go on/);
    await shop
      .request()
      .get('/operations/stream')
      .set('Accept', 'text/event-stream')
      .expect(401, /Sign in to go on/);
  });

  it('of another site’s page changes nothing, and is told so', async () => {
    const ada = await shop.ada();
    await shop
      .post('/logout', ada)
      .set('Origin', 'https://evil.example')
      .expect(403, /<h1>This came from another site/);
    await shop.post('/cart/add', ada, { product: 'mug' }).set('Sec-Fetch-Site', 'cross-site').expect(403);
    const session = await readSession(shop.app, ada.cookie);
    expect([session?.userId, session?.data.cart]).toEqual(['ada', undefined]);
  });
});
