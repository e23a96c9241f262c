import { afterEach, describe, expect, it } from '@jest/globals';
import { Body, Controller, Get, Header, Post, Req, UseGuards } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { WsAdapter } from '@nestjs/platform-ws';
import cookieParser from 'cookie-parser';
import { doubleCsrf } from 'csrf-csrf';
import type { Request } from 'express';
import {
  rememberHandshakes,
  Session,
  SessionGuard,
  sessionMiddleware,
  type SessionModuleOptions,
} from 'nestjs-mikro-session';
import type { BrowserContext, Page } from 'playwright-core';
import { type AppDefinition, type AppFixture, useApp } from '../support/app.js';
import { VisitGateway } from '../support/gateway.js';
import { PLATFORMS } from '../support/platform.js';
import { selfSigned } from './certificate.js';
import { read, useChromium } from './chromium.js';
import { type RunningServer, startPage } from './servers.js';

/** The application; another host of its site, which somebody else has; another site. */
const APP = 'www.shop.test';
const SIBLING = 'blog.shop.test';
const EVIL = 'evil.test';

const FORM = '<form method="post" action="/transfer"><button>Send</button></form>';

@Controller()
class BankController {
  @Post('login') async login(@Session() session: Session, @Body('user') user: string): Promise<string> {
    await session.login(user);
    return `signed in as ${user}`;
  }
  @Get('me') me(@Session('userId') userId: string | null): string {
    return userId ?? 'nobody';
  }
  @Post('transfer') @UseGuards(SessionGuard) transfer(@Session('userId') userId: string): string {
    return `paid by ${userId}`;
  }
  @Get('form') @Header('Content-Type', 'text/html') form(): string {
    return FORM;
  }
  @Get('form-without-referrer')
  @Header('Content-Type', 'text/html')
  @Header('Referrer-Policy', 'no-referrer')
  formWithoutReferrer(): string {
    return FORM;
  }
}

const browser = useChromium();
const pages: RunningServer[] = [];
afterEach(async () => {
  for (const page of pages.splice(0)) await page.close();
});

const use = (originCheck?: SessionModuleOptions['originCheck'], definition: AppDefinition = {}) =>
  useApp({
    controllers: [BankController],
    tls: selfSigned(),
    ...definition,
    options: { ...(originCheck !== undefined && { originCheck }), ...definition.options },
  });
const urlOf = ({ app }: AppFixture) => `https://${APP}:${app.port}`;

/** Has a browser open a page that a host serves. */
async function visit(context: BrowserContext, host: string, html: string, cookie?: string): Promise<Page> {
  const server = await startPage(html, cookie);
  pages.push(server);
  const page = await context.newPage();
  await page.goto(`https://${host}:${server.port}/`);
  return page;
}

/** What the application answers to the form of a page that a host serves. */
async function sent(context: BrowserContext, host: string, to: string): Promise<[status: number, text: string]> {
  const field = '<input name="user" value="mallory">';
  const page = await visit(context, host, `<form method="post" action="${to}">${field}<button>Win!</button></form>`);
  return pressed(page, to);
}

async function pressed(page: Page, to: string): Promise<[status: number, text: string]> {
  const answer = page.waitForResponse((response) => response.url() === to);
  await page.getByRole('button').click();
  const response = await answer;
  return [response.status(), await response.text()];
}

/** A browser that has signed in by a page of the application itself. */
async function signedIn(fixture: AppFixture): Promise<BrowserContext> {
  const context = await browser.visitor();
  const page = await context.newPage();
  await page.goto(`${urlOf(fixture)}/form`);
  const login = `fetch('/login', { method: 'POST', body: new URLSearchParams({ user: 'ada' }) }).then((answer) => answer.text())`;
  expect(await page.evaluate(login)).toBe('signed in as ada');
  return context;
}

const REFUSED = expect.stringContaining('Refused: it was sent by a page of another origin');

describe.each(PLATFORMS)('In Chromium, with %s', (platform) => {
  describe('and originCheck', () => {
    const fixture = use(true, { platform });

    it('a form of another site, or of a sibling, signs nobody in', async () => {
      for (const host of [EVIL, SIBLING]) {
        const context = await browser.visitor();
        expect(await sent(context, host, `${urlOf(fixture)}/login`)).toEqual([403, REFUSED]);
        expect(await context.cookies()).toEqual([]);
      }
    });

    it('a form of a sibling, which comes with the cookie, is refused; one of the application’s own is not', async () => {
      const context = await signedIn(fixture);
      expect(await sent(context, SIBLING, `${urlOf(fixture)}/transfer`)).toEqual([403, REFUSED]);
      const page = await context.newPage();
      for (const form of ['/form', '/form-without-referrer']) {
        await page.goto(urlOf(fixture) + form);
        expect(await pressed(page, `${urlOf(fixture)}/transfer`)).toEqual([201, 'paid by ada']);
      }
    });

    it('a link of another site leads to the application as ever', async () => {
      const page = await visit(await signedIn(fixture), EVIL, `<a href="${urlOf(fixture)}/me">Look!</a>`);
      await page.getByRole('link').click();
      await page.waitForURL('**/me');
      expect(await page.locator('body').textContent()).toBe('ada');
    });
  });

  describe('and no originCheck', () => {
    const fixture = use(undefined, { platform });

    it('a form of another site signs the visitor in as its author', async () => {
      const context = await browser.visitor();
      expect(await sent(context, EVIL, `${urlOf(fixture)}/login`)).toEqual([201, 'signed in as mallory']);
      expect(await read(await context.newPage(), `${urlOf(fixture)}/me`)).toBe('mallory');
    });

    it('SameSite=Lax keeps the cookie from a form of another site, and not from one of a sibling', async () => {
      const context = await signedIn(fixture);
      expect(await sent(context, EVIL, `${urlOf(fixture)}/transfer`)).toEqual([401, expect.anything()]);
      expect(await sent(context, SIBLING, `${urlOf(fixture)}/transfer`)).toEqual([201, 'paid by ada']);
    });
  });
});

describe('In Chromium, a cookie that a sibling plants', () => {
  const plain = use(true);
  const prefixed = use(true, { options: { cookie: { name: '__Host-sid', secure: true } } });

  /** Who a visitor is to the application after a visit to a sibling that has a session of its own. */
  const whoAfter = async (fixture: AppFixture, name: string) => {
    const context = await browser.visitor();
    const { credential } = await fixture.app.sessions.create({ userId: 'mallory' });
    for (const scope of ['; Domain=shop.test', '']) {
      await visit(context, SIBLING, 'Hello!', `${name}=${credential}; Path=/; Secure${scope}`);
    }
    return read(await context.newPage(), `${urlOf(fixture)}/me`);
  };

  it('opens its author’s session, for originCheck cannot tell where a cookie comes from', async () => {
    expect(await whoAfter(plain, 'session_id')).toBe('mallory');
  });

  it('does not reach the application where the name has the prefix __Host-', async () => {
    expect(await whoAfter(prefixed, '__Host-sid')).toBe('nobody');
  });
});

describe('In Chromium, a WebSocket that is opened', () => {
  const definition: AppDefinition = {
    providers: [VisitGateway],
    prepare: (app) => app.useWebSocketAdapter(rememberHandshakes(new WsAdapter(app))),
  };
  const byDefault = use(undefined, definition);
  const allowing = use({ allow: (origin) => origin.startsWith(`https://${SIBLING}:`) }, definition);
  const unchecked = use(false, definition);
  const sameSiteNone = use(undefined, { ...definition, options: { cookie: { sameSite: 'none', secure: true } } });

  /** What the gateway answers to a message of the page. */
  const answered = async (fixture: AppFixture, page: Page) =>
    JSON.parse(
      (await page.evaluate(`new Promise((resolve, reject) => {
        const socket = new WebSocket('${urlOf(fixture).replace('https', 'wss')}/');
        socket.onopen = () => socket.send(JSON.stringify({ event: 'me' }));
        socket.onmessage = ({ data }) => resolve(data);
        socket.onerror = () => reject(new Error('It was not opened.'));
      })`)) as string,
    ) as { event: string; data: any };
  const fromPageOf = async (fixture: AppFixture, host: string) => {
    const context = await signedIn(fixture);
    return answered(fixture, await visit(context, host, 'Hello!'));
  };

  it('by a page of the application serves its visitor', async () => {
    const page = await (await signedIn(byDefault)).newPage();
    await page.goto(`${urlOf(byDefault)}/me`);
    expect(await answered(byDefault, page)).toEqual({ event: 'answer', data: 'ada' });
  });

  it('by a page of a sibling is refused its messages, by default', async () => {
    const { event, data } = await fromPageOf(byDefault, SIBLING);
    expect([event, data.statusCode, data.message]).toEqual(['exception', 403, REFUSED]);
  });

  it('by a page of another site is refused them, also where SameSite=None sends the cookie along', async () => {
    const { event, data } = await fromPageOf(sameSiteNone, EVIL);
    expect([event, data.statusCode, data.message]).toEqual(['exception', 403, REFUSED]);
  });

  it('by a page of an origin that is allowed serves the visitor', async () => {
    expect(await fromPageOf(allowing, SIBLING)).toEqual({ event: 'answer', data: 'ada' });
    expect(await fromPageOf(allowing, EVIL)).toMatchObject({ event: 'exception', data: { statusCode: 403 } });
  });

  it('serves a sibling’s page as the visitor, with `originCheck: false`', async () => {
    expect(await fromPageOf(unchecked, SIBLING)).toEqual({ event: 'answer', data: 'ada' });
  });
});

describe('In Chromium, with csrf-csrf beside originCheck', () => {
  @Controller()
  class TokenController {
    @Get('token') token(@Req() request: Request): string {
      return request.csrfToken?.() ?? '';
    }
    // Signs in without a token, for the test.
    @Get('enter') async enter(@Session() session: Session): Promise<string> {
      await session.login('ada');
      return 'signed in as ada';
    }
  }
  const { doubleCsrfProtection } = doubleCsrf({
    getSecret: () => 'a secret of the test',
    getSessionIdentifier: (request) => request.session.id,
  });
  const fixture = use(
    { allow: (origin) => origin.startsWith(`https://${SIBLING}:`) },
    {
      controllers: [BankController, TokenController],
      prepare: (app: NestExpressApplication) => {
        app.use(sessionMiddleware(app));
        app.use(cookieParser());
        app.use(doubleCsrfProtection);
      },
    },
  );

  it('a page of an origin that is allowed lacks the token, and one of the application has it', async () => {
    const context = await browser.visitor();
    const page = await context.newPage();
    expect(await read(page, `${urlOf(fixture)}/enter`)).toBe('signed in as ada');
    const [status, text] = await sent(context, SIBLING, `${urlOf(fixture)}/transfer`);
    expect([status, text]).toEqual([403, expect.not.stringContaining('of another origin')]);
    const paid = `fetch('/token').then((answer) => answer.text())
      .then((token) => fetch('/transfer', { method: 'POST', headers: { 'x-csrf-token': token } }))
      .then((answer) => answer.text())`;
    expect(await page.evaluate(paid)).toBe('paid by ada');
  });
});

describe('In Chromium, over plain HTTP, where it sends no Sec-Fetch-Site', () => {
  const fixture = useApp({ controllers: [BankController], options: { originCheck: true } });

  it.each([
    ['passes', '/form', [401, expect.stringContaining('Sign in')]],
    ['is refused where its page hides the origin', '/form-without-referrer', [403, REFUSED]],
  ])('the application’s own form %s', async (_what, form, answer) => {
    const page = await (await browser.visitor()).newPage();
    const url = `http://${APP}:${fixture.app.port}`;
    await page.goto(url + form);
    expect(await pressed(page, `${url}/transfer`)).toEqual(answer);
  });
});
