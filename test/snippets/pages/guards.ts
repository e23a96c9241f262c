import { describe, expect, it } from '@jest/globals';
import { useApp } from '../../support/app.js';
import type { Client } from '../../support/client.js';
import type { Page } from '../run.js';

export async function guards(page: Page): Promise<void> {
  const parts = await page.classes();
  const everything = await page.with('class GuardsModule');

  describe('The page on guards', () => {
    const fixture = useApp({
      controllers: parts.controllers.filter((one) => one !== everything['ShopController']),
      providers: [...parts.providers],
    });
    const signedIn = async (): Promise<Client> => {
      const client = fixture.app.client();
      await client.post('/login', { name: 'ada' });
      return client;
    };
    const status = async (client: Client, method: string, path: string) => (await client.request(method, path)).status;

    it.each([
      ['GET', '/me', 200],
      ['GET', '/drafts', 200],
      ['POST', '/articles/1', 201],
      ['DELETE', '/users/1', 403],
      ['POST', '/email', 201],
      ['GET', '/articles/ada', 200],
      ['GET', '/articles/grace', 200],
      ['GET', '/news', 200],
    ])('answers its user: %s %s %i', async (method, path, expected) => {
      expect(await status(await signedIn(), method, path)).toBe(expected);
    });

    it.each([
      ['GET', '/me', 401],
      ['GET', '/drafts', 401],
      ['POST', '/articles/1', 401],
      ['POST', '/email', 401],
      ['GET', '/articles/grace', 403],
      ['GET', '/news', 403],
    ])('answers a stranger: %s %s %i', async (method, path, expected) => {
      expect(await status(fixture.app.client(), method, path)).toBe(expected);
    });

    it('asks for the login again after ten minutes', async () => {
      const client = await signedIn();
      await fixture.database.query("update sessions set authenticated_at = authenticated_at - interval '11 min'");
      expect(await status(client, 'POST', '/email')).toBe(401);
      expect(await status(client, 'GET', '/me')).toBe(200);
    });

    it('shows refused clients what the page says', async () => {
      const refused = await fixture.app.client().get('/me');
      expect(refused.json).toEqual({ statusCode: 401, error: 'Unauthorized', message: expect.any(String) });
      const forbidden = await (await signedIn()).request('DELETE', '/users/1');
      expect(forbidden.json).toEqual({ statusCode: 403, error: 'Forbidden', message: expect.any(String) });
    });
  });

  describe('The global guard of the page on guards', () => {
    const fixture = useApp({
      imports: [everything['GuardsModule']],
      controllers: [everything['ShopController']],
    });

    it('stands before all routes but the public ones', async () => {
      const stranger = fixture.app.client();
      expect((await stranger.get('/shop')).json).toEqual({ hello: 'stranger' });
      expect((await stranger.get('/shop/health')).text).toBe('up');
      expect((await stranger.get('/shop/orders')).status).toBe(401);
      const { cookie } = await fixture.app.sessions.create({ userId: 'ada' });
      expect((await stranger.get('/shop/orders', { cookie })).status).toBe(200);
      expect((await stranger.get('/shop', { cookie })).json).toEqual({ hello: 'ada' });
    });
  });
}
