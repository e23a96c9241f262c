import { afterEach, describe, expect, it } from '@jest/globals';
import type { DatabaseProxy } from '../../support/database-proxy.js';
import { startSilentServer } from '../../support/silent-server.js';
import { AUTO, expectToWork, useTable } from './table-app.js';

/** Longer than a step of the start may take. */
const PATIENCE = 20_000;

describe('The start', () => {
  const servers: DatabaseProxy[] = [];
  // First, for an application that waits for an answer does not end.
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close();
  });
  const table = useTable();

  const silentServer = async (until: string): Promise<string> => {
    const server = await startSilentServer(table.database.url, until);
    servers.push(server);
    return server.url;
  };
  const inTime = <Result>(work: Promise<Result>): Promise<Result | string> => {
    let timer: NodeJS.Timeout;
    const late = new Promise<string>((resolve) => {
      timer = setTimeout(() => resolve('still waiting'), PATIENCE);
    });
    return Promise.race([work, late]).finally(() => clearTimeout(timer));
  };

  it('ends where a database accepts and stays silent, and says what it waited for', async () => {
    await (await table.orm()).migrator.up();
    const urls = await Promise.all(['', 'from pg_class', 'clock_timestamp'].map(silentServer));
    const late = String.raw`: the database did not answer within 10000 ms(, besides \d+ ms in which a handler kept this process from looking)?\. Check that MikroORM is connected`;
    expect(await Promise.all(urls.map((url) => inTime(table.refusal({ url }))))).toEqual([
      expect.stringMatching(`Sessions could not start. They waited for a connection to the database${late}`),
      expect.stringMatching(`They waited for what the database knows of the table "sessions"${late}`),
      expect.stringMatching('They waited for the clock of the database: the database did not answer within 1000 ms'),
    ]);
  }, 60_000);

  it('ends where nothing listens, and says so', async () => {
    const url = new URL(table.database.url);
    url.port = '1';
    expect(await inTime(table.refusal({ url: url.href }))).toMatch(
      /They waited for a connection to the database: .*ECONNREFUSED/,
    );
  });

  it('does not wait for a lock on the table', async () => {
    await (await table.orm()).migrator.up();
    const holder = await table.database.hold('lock table sessions in access exclusive mode');
    const apps = await Promise.all(
      [false, true].map((ensureSchema) => inTime(table.start({ options: { ensureSchema } }))),
    );
    expect(apps).not.toContain('still waiting');
    await holder.release();
    await expectToWork(apps[0] as Exclude<(typeof apps)[0], string>);
  }, 60_000);

  it('ends where another process does not get done with creating the table', async () => {
    const holder = await table.database.hold('select pg_advisory_xact_lock(7305804402)');
    expect(await inTime(table.refusal({ options: { ensureSchema: true } }))).toMatch(
      /another process has been about to create it for 5000 ms/,
    );
    await holder.release();
  }, 60_000);

  it('does not wait for the connection on which a cache hears other processes', async () => {
    await (await table.orm()).migrator.up();
    const app = await inTime(
      table.start({ url: await silentServer('listen nestjs_mikro_session'), options: { cache: true }, orm: AUTO }),
    );
    expect(app).not.toBe('still waiting');
  }, 60_000);
});
