import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Post } from '@nestjs/common';
import { Session } from 'nestjs-mikro-session';
import { startApp } from '../support/app.js';
import { createDatabase, type TestDatabase } from '../support/database.js';
import { overHttp1 } from '../support/exchange.js';
import { PLATFORMS } from '../support/platform.js';

let arrived = Promise.withResolvers<void>();
let leave = Promise.withResolvers<void>();

@Controller()
class SlowController {
  @Post('slow')
  async slow(@Session() session: Session): Promise<void> {
    arrived.resolve();
    await leave.promise;
    session.set('n' as never, 1 as never);
    await session.save();
    session.set('m' as never, 2 as never);
  }
}

describe.each(PLATFORMS)('An application that is closed on %s', (platform) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createDatabase();
  });
  afterAll(() => database.drop());

  it('stores the sessions of requests that are under way, and leaves no connection', async () => {
    arrived = Promise.withResolvers();
    leave = Promise.withResolvers();
    const app = await startApp(database, { platform, controllers: [SlowController] });
    // A connection that the client keeps alive is one that Fastify waits for.
    const { answer } = overHttp1(app.url, { method: 'POST', path: '/slow', headers: { connection: 'close' } });
    await arrived.promise;
    const closing = app.close();
    // All that is done before the server waits for its requests is done.
    for (let turns = 0; turns < 100; turns++) await new Promise(setImmediate);
    leave.resolve();
    expect((await answer).status).toBe(201);
    await closing;
    expect(await database.query('select data from sessions')).toEqual([{ data: { n: 1, m: 2 } }]);
    const left = `select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`;
    while ((await database.query(left)).length > 0);
  });
});
