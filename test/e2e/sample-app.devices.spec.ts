import { beforeAll, describe, expect, it } from '@jest/globals';
import { ShopBrowser } from '../support/shop-browser.js';
import { useShops } from '../support/shops.js';

const shops = useShops();

describe('the devices of a user', () => {
  let url: string;

  beforeAll(async () => {
    ({ url } = await shops.start());
    await shops.database.query('delete from sessions');
  });

  it('are listed, and end where and when their user says so', async () => {
    const [desk, phone, stranger] = [new ShopBrowser(url), new ShopBrowser(url), new ShopBrowser(url)];
    phone.userAgent = 'Mozilla/5.0 (Android 16; Mobile; rv:150.0) Gecko/150.0 Firefox/150.0';
    await desk.signIn('ada', 'engine');
    await phone.signIn('ada', 'engine');
    await stranger.signIn('grace', 'compiler');

    await desk.open('/devices');
    expect(desk.otherDevices).toHaveLength(1);
    expect(desk.html).toMatch(/Firefox on Android.*127\.0\.0\.1/s);
    expect(desk.html.match(/This device/g)).toHaveLength(1);
    await desk.press('Sign out there');
    expect(desk.flashes).toEqual(['success: Signed out there.']);
    expect(desk.otherDevices).toEqual([]);
    expect((await phone.open('/profile')).path).toBe('/login?next=%2Fprofile');
    expect((await stranger.open('/profile')).path).toBe('/profile');

    await phone.signIn('ada', 'engine');
    await desk.open('/devices');
    await desk.press('Sign out everywhere else');
    expect(desk.flashes).toEqual(['success: Signed out on one other device.']);
    expect((await phone.open('/profile')).path).toBe('/login?next=%2Fprofile');
    expect((await desk.open('/profile')).path).toBe('/profile');
    expect((await stranger.open('/profile')).path).toBe('/profile');
  });

  it('leave nobody in who has stolen the cookie of the one that signs out everywhere else', async () => {
    const desk = new ShopBrowser(url);
    await desk.signIn('ada', 'engine');
    const thief = desk.copy();
    expect((await thief.open('/profile')).path).toBe('/profile');
    await desk.open('/devices');
    await desk.press('Sign out everywhere else');
    await shops.database.query(`update sessions set rotated_at = rotated_at - interval '10 s' where user_id = 'ada'`);
    expect((await thief.open('/profile')).path).toBe('/login?next=%2Fprofile');
    expect((await desk.open('/profile')).path).toBe('/profile');
  });

  it('are nobody else’s to end', async () => {
    const [desk, stranger] = [new ShopBrowser(url), new ShopBrowser(url)];
    await desk.signIn('ada', 'engine');
    await stranger.signIn('grace', 'compiler');
    const [row] = await shops.database.query<{ id: string }>(
      `select id from sessions where user_id = 'ada' order by created_at desc limit 1`,
    );
    await stranger.submit(`/devices/${row?.id}/sign-out`);
    expect(stranger.flashes).toEqual(['error: You are not signed in there.']);
    expect((await desk.open('/profile')).path).toBe('/profile');
    await new ShopBrowser(url).submit(`/devices/${row?.id}/sign-out`);
    expect((await desk.open('/profile')).path).toBe('/profile');
    await desk.submit(`/devices/${row?.id}/sign-out`);
    expect(desk.flashes).toEqual(['error: That is here; use “Sign out” instead.']);
    expect((await desk.open('/profile')).path).toBe('/profile');
  });
});
