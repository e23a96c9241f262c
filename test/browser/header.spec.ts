import { describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { useApp } from '../support/app.js';
import { PLATFORMS } from '../support/platform.js';
import { read, useChromium } from './chromium.js';
import { SiteController } from './site.js';

/** A client of an API on another site: signs in, looks who it is, and signs out. */
const CLIENT = `async (url) => {
  let token = null;
  const call = async (path) => {
    const response = await fetch(url + path, { headers: token ? { 'X-Session-Token': token } : {} });
    const change = response.headers.get('X-Session-Token');
    if (change !== null) token = change;
    return response.text();
  };
  const said = [await call('/me'), await call('/login'), await call('/me'), await call('/logout')];
  return [...said, token, await call('/me')];
}`;

const browser = useChromium();

describe.each(PLATFORMS)('In Chromium, a session in a header, with %s', (platform) => {
  const prepare = (app: INestApplication) =>
    app.enableCors({ origin: /^http:\/\/client\.test:/, exposedHeaders: ['X-Session-Token'] });
  const controllers = [SiteController];
  const fixture = useApp({ platform, controllers, prepare, options: { transport: 'header' } });

  it('serves a page of another site that keeps the token itself, without a cookie', async () => {
    const context = await browser.visitor();
    const page = await context.newPage();
    await read(page, `http://client.test:${fixture.app.port}/me`);
    const said = await page.evaluate(`(${CLIENT})('http://api.test:${fixture.app.port}')`);
    expect(said).toEqual(['nobody', 'signed in as ada', 'ada', 'signed out', '', 'nobody']);
    expect(await context.cookies()).toEqual([]);
  });
});
