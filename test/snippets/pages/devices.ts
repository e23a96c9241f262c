import { describe, expect, it } from '@jest/globals';
import { useApp } from '../../support/app.js';
import { visit } from '../../support/probe.js';
import type { Page } from '../run.js';

export async function devices(page: Page): Promise<void> {
  const { controllers, providers } = await page.classes();
  const { AuditLog } = await page.with('class AuditLog');
  const { options } = (await page.with('maxSessionsPerUser')) as { options: object };

  describe('The page on devices', () => {
    const fixture = useApp({ controllers, providers, options });
    const signIn = async (name: string, roles: string[] = []) => {
      const client = fixture.app.client();
      await visit(client, (session) => session.login(name, { roles }));
      return client;
    };
    const listOf = async (client: Awaited<ReturnType<typeof signIn>>) =>
      (await client.get('/devices')).json as { id: string; here: boolean }[];

    it('lists a user’s devices, and ends one of them, but not another user’s', async () => {
      const [desk, phone, other] = [await signIn('ada'), await signIn('ada'), await signIn('grace')];
      const list = await listOf(desk);
      expect(list.map(({ here }) => here)).toEqual([true, false]);
      const there = list[1]?.id as string;
      expect((await other.request('DELETE', `/devices/${there}`)).status).toBe(404);
      expect((await phone.get('/devices')).status).toBe(200);
      expect((await desk.request('DELETE', `/devices/${there}`)).status).toBe(200);
      expect((await phone.get('/devices')).status).toBe(401);
    });

    it('ends all others, and gives this one another cookie', async () => {
      const [desk, phone] = [await signIn('joan'), await signIn('joan')];
      const before = await desk.cookie();
      expect((await desk.post('/sign-out-others')).json).toEqual({ ended: 1 });
      expect(await desk.cookie()).not.toBe(before);
      expect((await phone.get('/devices')).status).toBe(401);
      expect((await listOf(desk)).length).toBe(1);
    });

    it('allows a user no more than five', async () => {
      const first = await signIn('mary');
      for (let n = 0; n < 5; n++) await signIn('mary');
      expect((await first.get('/devices')).status).toBe(401);
    });

    it('signs out here, and leaves a message', async () => {
      const client = await signIn('edith');
      expect((await client.post('/logout')).setCookies).toHaveLength(1);
      expect((await client.get('/devices')).status).toBe(401);
      let messages: unknown;
      await visit(client, (session) => (messages = session.flashes()));
      expect(messages).toEqual([expect.objectContaining({ category: 'info', message: 'Signed out' })]);
    });

    it('lets administrators block a user, and sign everybody out', async () => {
      const [admin, user] = [await signIn('root', ['admin']), await signIn('eve')];
      expect((await user.post('/users/eve/block')).status).toBe(403);
      expect((await admin.post('/users/eve/block')).json).toEqual({ ended: 1 });
      expect((await user.get('/devices')).status).toBe(401);
      const { lines } = fixture.app.app.get<{ lines: string[] }>(AuditLog);
      expect(lines.at(-1)).toMatch(/^revoked eve /);
      expect((await admin.post('/sign-everybody-out')).status).toBe(201);
      expect(await fixture.app.sessions.count()).toBe(0);
    });
  });
}
