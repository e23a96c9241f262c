import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { type INestApplication, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { SessionModule } from 'nestjs-mikro-session';
import { databaseModule } from '../../support/app.js';
import { Client } from '../../support/client.js';
import { createDatabase, type TestDatabase } from '../../support/database.js';
import { ProbeController, visit } from '../../support/probe.js';
import type { Page } from '../run.js';

export async function serverless(page: Page): Promise<void> {
  const { options } = (await page.with('renewal: {')) as { options: object };

  describe('The page on serverless platforms', () => {
    let database: TestDatabase;
    let server: Server;
    let client: Client;
    const made = jest.spyOn(NestFactory, 'create');
    beforeAll(async () => {
      database = await createDatabase();
      @Module({
        imports: [databaseModule(database.url), SessionModule.forRoot({ ensureSchema: true, ...options })],
        controllers: [ProbeController],
      })
      class AppModule {}
      Object.assign(globalThis, { AppModule });
      const handle = (await page.with('export default')) as { default: RequestListener };
      server = createServer(handle.default).listen(0, '127.0.0.1');
      await new Promise((resolve) => server.once('listening', resolve));
      client = new Client(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    });
    afterAll(async () => {
      server.close();
      server.closeAllConnections();
      for (const { value } of made.mock.results) await ((await value) as INestApplication).close();
      made.mockRestore();
      await database.drop();
    });

    it('has a handler that keeps sessions, each renewal written before its answer ends', async () => {
      await visit(client, (session) => session.set('n', 1));
      await database.query("update sessions set last_access_at = now() - interval '5 min'");
      await visit(client, () => {});
      const [row] = await database.query("select last_access_at > now() - interval '1 min' renewed from sessions");
      expect(row).toEqual({ renewed: true });
    });

    it('has a job that removes expired rows', async () => {
      const { purge } = (await page.with('export async function purge')) as { purge: () => Promise<number> };
      await database.query("update sessions set expires_at = now() - interval '1 min'");
      expect(await purge()).toBe(1);
    });
  });
}
