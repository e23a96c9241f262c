import { describe, expect, it } from '@jest/globals';
import { useApp } from '../../support/app.js';
import type { Page } from '../run.js';

export async function lifetimes(page: Page): Promise<void> {
  const { controllers } = await page.classes();
  const { options } = (await page.with('SessionModule.forRoot')) as { options: object };

  describe('The page on lifetimes', () => {
    const fixture = useApp({ controllers, options });
    /** From now, in minutes, to the end of the only session there is: idle, and absolute. */
    const ends = async (): Promise<[number, number]> => {
      const minutes = (column: string) => `round(extract(epoch from ${column} - now()) / 60)::int`;
      const [row] = await fixture.database.query(
        `select ${minutes('expires_at')} idle, ${minutes('ends_at')} absolute from sessions`,
      );
      return [row?.['idle'] as number, row?.['absolute'] as number];
    };
    const login = async (remember: boolean) => {
      await fixture.database.query('delete from sessions');
      const client = fixture.app.client();
      return { client, reply: await client.post('/login', { name: 'ada', remember }) };
    };

    it('has a login that ends by the options, with a cookie that goes with the browser', async () => {
      const { reply } = await login(false);
      expect(reply.setCookies[0]).not.toContain('Max-Age');
      expect(await ends()).toEqual([15, 8 * 60]);
    });

    it('has a login that is remembered', async () => {
      const { client, reply } = await login(true);
      expect(reply.setCookies[0]).toContain(`Max-Age=${90 * 24 * 60 * 60}`);
      expect(await ends()).toEqual([30 * 24 * 60, 90 * 24 * 60]);
      expect((await client.post('/payout')).status).toBe(201);
    });

    it('has pages that do not count as an access', async () => {
      const { client } = await login(false);
      await fixture.database.query("update sessions set expires_at = now() + interval '5 min'");
      expect((await client.get('/unread')).json).toEqual({ unread: 0 });
      const { expiresAt } = (await client.get('/expiry')).json as { expiresAt: string };
      await fixture.app.sessions.flush();
      expect((await ends())[0]).toBe(5);
      expect(new Date(expiresAt).getTime()).toBeLessThan(Date.now() + 6 * 60_000);
      await client.post('/payout');
      await fixture.app.sessions.flush();
      expect((await ends())[0]).toBe(15);
    });

    it('changes a lifetime', async () => {
      const { client } = await login(false);
      await client.post('/stay');
      expect(await ends()).toEqual([7 * 24 * 60, 30 * 24 * 60]);
    });
  });
}
