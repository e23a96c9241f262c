import { describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import type { BrowserContext } from 'playwright-core';
import { useApp } from '../support/app.js';
import { PLATFORMS } from '../support/platform.js';
import { selfSigned } from './certificate.js';
import { read, useChromium } from './chromium.js';
import { startTlsProxy } from './servers.js';
import { SiteController } from './site.js';

const controllers = [SiteController];
const HOURS = 60 * 60;

/** The cookies that the browser holds, without their secrets. */
const cookies = async (context: BrowserContext) =>
  (await context.cookies()).map(({ value: _value, expires: _expires, ...rest }) => rest);

const browser = useChromium();

/** Has all routes below a path. */
const below = (path: string) => (app: INestApplication) => void app.setGlobalPrefix(path);

describe.each(PLATFORMS)('In Chromium, with %s', (platform) => {
  describe('over plain HTTP', () => {
    const fixture = useApp({ platform, controllers });

    it('the cookie of a login is kept as it was meant, out of sight of scripts, sent with the next request, and removed by a logout', async () => {
      const context = await browser.visitor();
      const page = await context.newPage();
      const url = `http://app.test:${fixture.app.port}`;
      expect(await read(page, `${url}/login`)).toBe('signed in as ada');
      expect(await cookies(context)).toEqual([
        { name: 'session_id', domain: 'app.test', path: '/', httpOnly: true, secure: false, sameSite: 'Lax' },
      ]);
      expect(await page.evaluate('document.cookie')).toBe('');
      const expires = (await context.cookies())[0]?.expires ?? 0;
      expect(Math.abs(expires - Date.now() / 1_000 - 12 * HOURS)).toBeLessThan(60);
      expect(await read(page, `${url}/me`)).toBe('ada');
      expect(await read(page, `${url}/logout`)).toBe('signed out');
      expect(await context.cookies()).toEqual([]);
      expect(await read(page, `${url}/me`)).toBe('nobody');
    });
  });

  describe.each([
    ['session_id', { cookie: {} }],
    ['__Host-sid', { cookie: { name: '__Host-sid', secure: true } }],
  ] as const)('over HTTPS, under the name %s', (name, options) => {
    const fixture = useApp({ platform, controllers, options, tls: selfSigned() });

    it('the cookie is kept, secure, for this host alone, and removed by a logout', async () => {
      const context = await browser.visitor();
      const page = await context.newPage();
      const url = `https://app.test:${fixture.app.port}`;
      await page.goto(`${url}/login`);
      expect(await cookies(context)).toEqual([
        { name, domain: 'app.test', path: '/', httpOnly: true, secure: true, sameSite: 'Lax' },
      ]);
      expect(await read(page, `${url}/me`)).toBe('ada');
      expect(await read(page, `https://sub.app.test:${fixture.app.port}/me`)).toBe('nobody');
      await page.goto(`${url}/logout`);
      expect(await context.cookies()).toEqual([]);
      expect(fixture.app.warnings).toEqual([]);
    });
  });

  describe('behind a proxy that ends TLS and is trusted', () => {
    const fixture = useApp({ platform, controllers, trustsProxy: true });

    it("the cookie is secure by secure: 'auto'", async () => {
      const proxy = await startTlsProxy(fixture.app.port);
      try {
        const context = await browser.visitor();
        const page = await context.newPage();
        await page.goto(`https://app.test:${proxy.port}/login`);
        expect(await cookies(context)).toEqual([expect.objectContaining({ secure: true })]);
        expect(await read(page, `https://app.test:${proxy.port}/me`)).toBe('ada');
        expect(fixture.app.warnings).toEqual([]);
      } finally {
        await proxy.close();
      }
    });
  });
});

describe('In Chromium, without persistent', () => {
  const fixture = useApp({ platform: 'Fastify', controllers, options: { cookie: { persistent: false } } });

  it('the cookie is one of the browser’s session', async () => {
    const context = await browser.visitor();
    await (await context.newPage()).goto(`http://app.test:${fixture.app.port}/login`);
    expect(await context.cookies()).toEqual([expect.objectContaining({ expires: -1 })]);
  });
});

describe('In Chromium, with a domain', () => {
  const cookie = { domain: 'shop.test', path: '/', sameSite: 'strict' } as const;
  const fixture = useApp({ platform: 'Fastify', controllers, options: { cookie } });

  it('the cookie is shared by its hosts, and a logout on one of them is one on all', async () => {
    const context = await browser.visitor();
    const page = await context.newPage();
    const [www, pay] = ['www', 'pay'].map((host) => `http://${host}.shop.test:${fixture.app.port}`) as [string, string];
    await page.goto(`${www}/login`);
    expect(await cookies(context)).toEqual([expect.objectContaining({ domain: '.shop.test', sameSite: 'Strict' })]);
    expect(await read(page, `${pay}/me`)).toBe('ada');
    await page.goto(`${pay}/logout`);
    expect(await context.cookies()).toEqual([]);
  });
});

describe('In Chromium, with secure: true over plain HTTP', () => {
  const fixture = useApp({ platform: 'Fastify', controllers, options: { cookie: { secure: true } } });

  it('the cookie is dropped, and a warning says so; but on localhost it is kept', async () => {
    const context = await browser.visitor();
    const page = await context.newPage();
    await page.goto(`http://app.test:${fixture.app.port}/login`);
    expect(await context.cookies()).toEqual([]);
    expect(fixture.app.warnings).toEqual([expect.stringContaining('Browsers drop it')]);
    for (const host of ['localhost', '127.0.0.1']) {
      await page.goto(`http://${host}:${fixture.app.port}/login`);
      expect(await read(page, `http://${host}:${fixture.app.port}/me`)).toBe('ada');
    }
  });
});

describe.each(['__Secure-sid', '__Http-sid', '__Host-Http-sid', '__host-sid'])('In Chromium, the name %s', (name) => {
  const options = { cookie: { name, secure: true } };
  const fixture = useApp({ controllers, options, tls: selfSigned() });

  it('is accepted, as it is checked at start', async () => {
    const context = await browser.visitor();
    await (await context.newPage()).goto(`https://app.test:${fixture.app.port}/login`);
    expect(await cookies(context)).toEqual([expect.objectContaining({ name })]);
  });
});

describe('In Chromium, two applications of one name', () => {
  const [shop, forum] = [
    useApp({ controllers, options: { cookie: { path: '/shop' } }, prepare: below('/shop') }),
    useApp({ platform: 'Fastify', controllers, options: { cookie: { path: '/forum' } }, prepare: below('/forum') }),
  ];
  // Its cookie goes to the shop as well: whatever its path, the browser does not tell a server of what it was set for.
  const home = useApp({ controllers });

  it('on different paths keep to themselves, and leave each other signed in', async () => {
    const context = await browser.visitor();
    const page = await context.newPage();
    // A browser takes no notice of ports where it keeps cookies.
    const [a, b] = [`http://app.test:${shop.app.port}/shop`, `http://app.test:${forum.app.port}/forum`];
    await page.goto(`${a}/login`);
    expect(await read(page, `${b}/me`)).toBe('nobody');
    await page.goto(`${b}/login`);
    expect((await context.cookies()).map(({ path }) => path).toSorted()).toEqual(['/forum', '/shop']);
    await page.goto(`${a}/logout`);
    expect(await read(page, `${a}/me`)).toBe('nobody');
    expect(await read(page, `${b}/me`)).toBe('ada');
  });

  it('on a path within the other’s find their own among both cookies, and remove no other', async () => {
    const page = await (await browser.visitor()).newPage();
    const [inner, outer] = [`http://app.test:${shop.app.port}/shop`, `http://app.test:${home.app.port}`];
    await page.goto(`${outer}/login`);
    expect(await read(page, `${inner}/me`)).toBe('nobody');
    await page.goto(`${inner}/login`);
    expect(await read(page, `${inner}/me`)).toBe('ada');
    await page.goto(`${inner}/logout`);
    expect(await read(page, `${inner}/me`)).toBe('nobody');
    expect(await read(page, `${outer}/me`)).toBe('ada');
  });
});
