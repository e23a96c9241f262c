import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Session, SessionCookieOptions } from 'nestjs-mikro-session';
import { createDatabase, type TestDatabase } from '../support/database.js';
import { type AppDefinition, startApp, type TestApp } from '../support/app.js';
import { PLATFORMS } from '../support/platform.js';
import { visit } from '../support/probe.js';

const write = (session: Session) => session.set('a', 1);
const VIA_HTTPS = { 'x-forwarded-proto': 'https' };
const TRUST =
  /app\.set\('trust proxy', its address\) on Express, new FastifyAdapter\(\{ trustProxy: its address \}\) on Fastify/;
const DROPPED =
  /with Secure .* over plain HTTP\. Browsers drop it .*"cookie\.secure" to 'auto'.* app\.set\('trust proxy', its address\)/;
const UNTRUSTED = /sent without Secure.* app\.set\('trust proxy', its address\)/;

describe.each(PLATFORMS)('On %s, a cookie', (platform) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createDatabase();
  });
  afterAll(async () => {
    await database.drop();
  });

  const running = async (definition: AppDefinition, during: (app: TestApp) => Promise<void>) => {
    const app = await startApp(database, { platform, ...definition });
    try {
      await during(app);
    } finally {
      await app.close();
    }
  };
  /** Whether the cookie of a new visitor has Secure. */
  const isSecure = async (app: TestApp, headers: Record<string, string> = {}) => {
    const { setCookies } = await visit(app.client(), write, headers);
    expect(setCookies).toHaveLength(1);
    return setCookies[0]?.includes('; Secure');
  };

  it.each<[string, SessionCookieOptions['secure'], boolean, Record<string, string>, boolean, RegExp[]]>([
    ["'auto', directly", 'auto', false, {}, false, []],
    ["'auto', by HTTPS to a trusted proxy", 'auto', true, VIA_HTTPS, true, []],
    ["'auto', by HTTP to a trusted proxy", 'auto', true, { 'x-forwarded-proto': 'http' }, false, []],
    ["'auto', by HTTPS to a proxy that is not trusted", 'auto', false, VIA_HTTPS, false, [UNTRUSTED]],
    ["'auto', by HTTP to a proxy that is not trusted", 'auto', false, { 'x-forwarded-proto': 'http' }, false, []],
    ["'auto', by who knows what", 'auto', false, { 'x-forwarded-proto': 'https, http' }, false, []],
    ['true, directly', true, false, {}, true, [DROPPED]],
    ['true, by HTTPS to a trusted proxy', true, true, VIA_HTTPS, true, []],
    ['true, by HTTP to a trusted proxy', true, true, { 'x-forwarded-proto': 'http' }, true, [DROPPED]],
    ['true, by HTTPS to a proxy that is not trusted', true, false, VIA_HTTPS, true, []],
    ['false, directly', false, false, {}, false, []],
    ['false, by HTTPS to a trusted proxy', false, true, VIA_HTTPS, false, []],
    ['false, by HTTPS to a proxy that is not trusted', false, false, VIA_HTTPS, false, []],
  ])(
    'with secure: %s, is Secure where it can be, or says why not',
    async (_what, secure, trustsProxy, headers, is, warnings) => {
      await running({ options: { cookie: { secure: secure as boolean } }, trustsProxy }, async (app) => {
        expect(await isSecure(app, headers)).toBe(is);
        expect(app.warnings).toEqual(warnings.map((warning) => expect.stringMatching(warning)));
      });
    },
  );

  it.each<[SessionCookieOptions]>([
    [{ name: '__Host-sid', secure: true }],
    [{ sameSite: 'none', secure: true }],
    [{ partitioned: true, secure: true }],
  ])('as in %j is set over plain HTTP all the same, with a warning', async (cookie) => {
    await running({ options: { cookie } }, async (app) => {
      expect(await isSecure(app)).toBe(true);
      expect(app.warnings).toEqual([expect.stringMatching(TRUST)]);
    });
  });

  it('warns once, not for every request; and anew in another application', async () => {
    for (const secure of [true, 'auto'] as const) {
      await running({ options: { cookie: { secure } } }, async (app) => {
        const headers: Record<string, string> = secure === true ? {} : VIA_HTTPS;
        for (let times = 0; times < 3; times++) await isSecure(app, headers);
        expect(app.warnings).toHaveLength(1);
      });
    }
  });

  it('does not warn where no cookie goes out, or only its removal', async () => {
    await running({ options: { cookie: { secure: true } } }, async (app) => {
      const { cookie } = await app.sessions.create({ userId: 'ada' });
      await visit(app.client(), (session) => session.userId);
      await visit(app.client(), (session) => session.set('a', 1), { cookie });
      const { setCookies } = await visit(app.client(), (session) => session.logout(), { cookie });
      expect(setCookies).toEqual([expect.stringMatching(/^session_id=; Max-Age=0;.*; Secure;/)]);
      expect(app.warnings).toEqual([]);
    });
  });
});
