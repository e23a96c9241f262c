import { afterEach, expect, it } from '@jest/globals';
import { describeWithRedis } from '../support/describe-with-redis.js';
import { startRedis } from '../support/redis-server.js';
import { ShopBrowser } from '../support/shop-browser.js';
import { useShops } from '../support/shops.js';

const shops = useShops();
/** None of a database. */
const REDIS = { SESSION_STORE: 'redis', DATABASE_URL: 'postgresql://127.0.0.1:1/none' };

describeWithRedis('The shop, with its sessions in Redis,', () => {
  afterEach(shops.killAll);

  it('signs in, keeps a cart and lists devices on a Redis of its own, which ends with it', async () => {
    const shop = await shops.start(REDIS);
    const [browser, phone] = [new ShopBrowser(shop.url), new ShopBrowser(shop.url)];
    await browser.submit('/cart/add', { product: 'clock' });
    await browser.signIn('ada', 'engine');
    expect(await browser.cart()).toEqual({ lines: ['1 × Wall clock'], total: '€42.40' });
    await phone.signIn('ada', 'engine');
    await browser.open('/devices');
    const [other] = browser.otherDevices;
    await browser.submit(`/devices/${other}/sign-out`);
    expect((await phone.open('/profile')).path).toBe('/login?next=%2Fprofile');
    expect((await browser.open('/profile')).path).toBe('/profile');
    expect((await browser.open('/operations')).status).toBe(200);
    shop.process.kill('SIGTERM');
    expect(await shop.ended).toMatchObject({ code: 0, stderr: '' });
  });

  it('shares the one that REDIS_URL names with other processes, and leaves it there', async () => {
    const redis = await startRedis();
    const env = { ...REDIS, REDIS_URL: redis.url };
    const [one, two] = await Promise.all([shops.start(env), shops.start(env)]);
    const here = new ShopBrowser(one.url);
    await here.signIn('ada', 'engine');
    expect((await here.tab(two.url).open('/profile')).path).toBe('/profile');
    for (const shop of [one, two]) shop.process.kill('SIGTERM');
    expect(await Promise.all([one.ended, two.ended])).toMatchObject([{ code: 0 }, { code: 0 }]);
    expect(await redis.command<string[]>('KEYS', 'session:s:*')).toHaveLength(1);
    await redis.stop();
  });

  it('says in one line that the one that is named cannot be reached, without the password', async () => {
    const { code, stdout, stderr } = await shops.launch({
      ...REDIS,
      PORT: '0',
      REDIS_URL: 'redis://:hidden@127.0.0.1:1',
    }).ended;
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^Sessions could not start\. They waited for a connection to Redis: .*ECONNREFUSED.*\n$/);
    expect(stderr).not.toContain('hidden');
  });

  it.each([
    [
      'what to install, where the program is missing',
      { PATH: '/nowhere' },
      /^SESSION_STORE=redis starts the program redis-server, which is not installed\. Install it .*REDIS_URL=\S+\n$/,
    ],
    [
      'which stores there are',
      { SESSION_STORE: 'memory' },
      /^SESSION_STORE must be "postgres" or "redis", but is "memory"\.\n$/,
    ],
  ])('says in one line %s', async (_what, env, line) => {
    const { code, stdout, stderr } = await shops.launch({ ...REDIS, PORT: '0', ...env }).ended;
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(line);
  });
});
