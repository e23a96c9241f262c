import { describe, expect, it } from '@jest/globals';
import type { LoginOptions, SessionModuleOptions } from 'nestjs-mikro-session';
import type { Client, Reply } from '../support/client.js';
import { useApp } from '../support/app.js';
import { PLATFORMS } from '../support/platform.js';
import { visit } from '../support/probe.js';

const login = (client: Client, options?: LoginOptions) =>
  visit(client, (session) => session.login('ada', undefined, options));

/** Whether the cookie that an answer sets outlives the browser. */
const outlives = (reply: Reply): boolean => {
  expect(reply.setCookies).toHaveLength(1);
  return reply.setCookies[0]?.includes('Max-Age=') === true;
};

describe.each(PLATFORMS)('`login(id, auth, { persistent })`, on %s', (platform) => {
  describe.each<[string, SessionModuleOptions, boolean]>([
    ['with cookies that outlive the browser', {}, true],
    ['with `cookie.persistent: false`', { cookie: { persistent: false } }, false],
    ['with the cache', { cache: true }, true],
  ])('%s', (_what, options, ofModule) => {
    const fixture = useApp({ platform, options });

    it.each([true, false])('decides for this login: %s', async (persistent) => {
      const client = fixture.app.client();
      expect(outlives(await login(client, { persistent }))).toBe(persistent);
      expect((await fixture.row())['persistent']).toBe(persistent);
      await fixture.database.query('delete from sessions');
    });

    it.each([true, false])('is kept when the cookie is set again: %s', async (persistent) => {
      const client = fixture.app.client();
      await login(client, { persistent });
      for (let n = 0; n < 2; n++) {
        expect(outlives(await visit(client, (session) => session.regenerate()))).toBe(persistent);
        expect(outlives(await visit(client, (session) => session.setTtl(`${n + 1}h`)))).toBe(persistent);
      }
      // A second login into the session decides anew.
      expect(outlives(await login(client))).toBe(ofModule);
      await fixture.database.query('delete from sessions');
    });

    it('does not concern sessions without a login, nor the one after a logout', async () => {
      const client = fixture.app.client();
      expect(outlives(await visit(client, (session) => session.set('n', 1)))).toBe(ofModule);
      await login(client, { persistent: !ofModule });
      await visit(client, (session) => session.logout());
      expect(outlives(await visit(client, (session) => session.set('n', 1)))).toBe(ofModule);
      await fixture.database.query('delete from sessions');
    });

    it('slides for as long as it is used, with `absolute: false`', async () => {
      const client = fixture.app.client();
      const reply = await login(client, { persistent: true, ttl: '30d', absolute: false });
      // 400 days: no browser keeps a cookie longer.
      expect(reply.setCookies[0]).toContain('Max-Age=34560000');
      expect((await fixture.row())['ends_at']).toBeNull();
      await fixture.database.query('delete from sessions');
    });

    it('is refused where it is neither true nor false', async () => {
      const message = await visit(fixture.app.client(), async (session) => {
        const error = await session.login('ada', {}, { persistent: 'on' as never }).catch((reason: Error) => reason);
        return { message: (error as Error).message };
      });
      expect(message.json).toEqual({
        message: 'login() takes true or false as "persistent", but got a string.',
      });
    });
  });
});
