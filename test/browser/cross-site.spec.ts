import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { SessionCookieOptions } from 'nestjs-mikro-session';
import type { Page } from 'playwright-core';
import { useApp } from '../support/app.js';
import { selfSigned } from './certificate.js';
import { read, useChromium } from './chromium.js';
import { type RunningServer, startEmbedder } from './servers.js';
import { SiteController } from './site.js';

const controllers = [SiteController];
// As browsers do that protect against tracking: cookies in frames of other sites only where they are partitioned.
const browser = useChromium({ args: ['--test-third-party-cookie-phaseout'] });

describe('In a frame on a page of another site', () => {
  let embedder: RunningServer;
  beforeAll(async () => {
    embedder = await startEmbedder();
  });
  afterAll(async () => {
    await embedder.close();
  });

  /** What a page says inside a frame on a site. */
  const framed = async (page: Page, url: string, site = 'portal.test') => {
    await page.goto(`https://${site}:${embedder.port}/?${encodeURIComponent(url)}`);
    return page.frameLocator('iframe').locator('body').textContent();
  };

  describe.each<[string, SessionCookieOptions]>([
    ['session_id', { secure: true, sameSite: 'none', partitioned: true }],
    ['__Host-sid', { name: '__Host-sid', secure: true, sameSite: 'none', partitioned: true }],
  ])('a partitioned cookie of the name %s', (name, cookie) => {
    const fixture = useApp({ platform: 'Fastify', controllers, options: { cookie }, tls: selfSigned() });

    it('keeps the visitor signed in, on this site and no other, until a logout removes it', async () => {
      const context = await browser.visitor();
      const page = await context.newPage();
      const url = `https://app.test:${fixture.app.port}`;
      expect(await framed(page, `${url}/login`)).toBe('signed in as ada');
      expect(await context.cookies()).toEqual([
        expect.objectContaining({ name, sameSite: 'None', secure: true, partitionKey: 'https://portal.test' }),
      ]);
      expect(await framed(page, `${url}/me`)).toBe('ada');
      expect(await framed(page, `${url}/me`, 'elsewhere.test')).toBe('nobody');
      expect(await read(page, `${url}/me`)).toBe('nobody');
      await framed(page, `${url}/logout`);
      expect(await context.cookies()).toEqual([]);
      expect(await framed(page, `${url}/me`)).toBe('nobody');
    });

    it('leaves alone who is signed in to the application’s own site', async () => {
      const context = await browser.visitor();
      const page = await context.newPage();
      const url = `https://app.test:${fixture.app.port}`;
      await page.goto(`${url}/login`);
      await framed(page, `${url}/login`);
      expect(await context.cookies()).toHaveLength(2);
      await framed(page, `${url}/logout`);
      expect(await read(page, `${url}/me`)).toBe('ada');
    });
  });

  describe.each<[string, SessionCookieOptions]>([
    ['that is not partitioned', { secure: true, sameSite: 'none' }],
    ['of the default SameSite=Lax', {}],
    ['that is partitioned, but SameSite=Lax', { secure: true, partitioned: true }],
  ])('a cookie %s', (_what, cookie) => {
    const fixture = useApp({ controllers, options: { cookie }, tls: selfSigned() });

    it('is not kept', async () => {
      const context = await browser.visitor();
      const page = await context.newPage();
      const url = `https://app.test:${fixture.app.port}`;
      await framed(page, `${url}/login`);
      expect(await context.cookies()).toEqual([]);
      expect(await framed(page, `${url}/me`)).toBe('nobody');
    });
  });
});
