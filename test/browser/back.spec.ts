import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Header } from '@nestjs/common';
import { Session } from 'nestjs-mikro-session';
import type { Page } from 'playwright-core';
import { useApp } from '../support/app.js';
import { PLATFORMS } from '../support/platform.js';
import { useChromium } from './chromium.js';
import { SiteController } from './site.js';

/** Pages that may be kept for an hour, as far as whoever wrote them is concerned. */
@Controller()
class KeptController {
  @Get('account') @Header('Cache-Control', 'private, max-age=3600') account(@Session('userId') userId: string | null) {
    return userId ?? 'nobody';
  }
  @Get('statement') @Header('Cache-Control', 'no-store') statement(@Session('userId') userId: string | null) {
    return userId ?? 'nobody';
  }
}

const browser = useChromium();
/** One that keeps whole pages in memory to go back to, as Chromium does unless it is driven by a test. */
const remembering = useChromium({ ignoreDefaultArgs: ['--disable-back-forward-cache'] });

describe.each(PLATFORMS)('After a logout, with %s, Chromium’s way back', (platform) => {
  const fixture = useApp({ platform, controllers: [SiteController, KeptController] });

  const backTo = async (page: Page, path: string) => {
    const url = `http://app.test:${fixture.app.port}`;
    if (path !== '/login') await page.goto(`${url}/login`);
    await page.goto(url + path);
    const before = await page.locator('body').textContent();
    await page.goto(`${url}/logout`);
    await page.goBack({ timeout: 10_000 });
    return [before, await page.locator('body').textContent()];
  };

  it.each(['/me', '/account', '/statement'])('finds no copy of %s as it was', async (path) => {
    const page = await (await browser.visitor()).newPage();
    expect(await backTo(page, path)).toEqual(['ada', 'nobody']);
  });

  it('shows no page from memory that was not to be stored', async () => {
    const page = await (await remembering.visitor()).newPage();
    expect(await backTo(page, '/statement')).toEqual(['ada', 'nobody']);
  });

  it('shows not even from memory the page that brought the cookie', async () => {
    const page = await (await remembering.visitor()).newPage();
    let requests = 0;
    page.on('request', (request) => void (request.url().endsWith('/login') && requests++));
    await backTo(page, '/login');
    expect(requests).toBe(2);
  });
});
