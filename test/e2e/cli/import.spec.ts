import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startApp } from '../../support/app.js';
import { type CommandOutcome, command } from '../../support/command-line.js';
import { OLD_SECRET, type OldApp, startOldApp } from '../../support/old-app.js';
import { answered } from '../../support/probe.js';
import { TcpProxy } from '../../support/tcp-proxy.js';
import { useDatabase } from './cli.js';

const OPTIONS = join(import.meta.dirname, '../../support/old-options.mjs');

describe('import', () => {
  const fixture = useDatabase();
  let old: OldApp;
  beforeAll(async () => {
    old = await startOldApp(fixture.database);
  });
  afterAll(() => old.close());
  const run = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<CommandOutcome> =>
    command(['import', ...args], { DATABASE_URL: fixture.database.url, OLD_SECRET, OLD_TABLE: 'session', ...env });
  /** Has so many old sessions in the table, and no others. */
  const many = async (count: number): Promise<void> => {
    await fixture.database.query('truncate session, sessions');
    await fixture.database.query(
      `insert into session (sid, sess, expire)
       select lpad(n::text, 4, '0'), json_build_object('passport', json_build_object('user', 'user ' || n)), now() + interval '1 hour'
       from generate_series(1, $1::int) n`,
      [count],
    );
  };

  it('takes over all sessions of the old table, sealed with the application’s key, for the cookies that browsers have', async () => {
    const browsers = await Promise.all(Array.from({ length: 60 }, (_, index) => old.signedIn(`user-${index}`)));
    await old.signedIn('broken');
    const { code, stdout, stderr } = await run(['--options', OPTIONS]);
    expect([code, stdout]).toEqual([0, 'Took over 60 of 61 sessions of express-session.\n']);
    expect(stderr).toContain('A session of express-session was not taken over');
    expect(await fixture.database.query('select sess from session')).toHaveLength(1);
    const [row] = await fixture.database.query<any>("select * from sessions where user_id = 'user-7'");
    expect([row.data.cart, row.ip]).toEqual([expect.stringMatching(/^\$enc1\./), null]);
    const options = { encryption: { keys: ['a'.repeat(64)] }, adopt: { secret: OLD_SECRET } };
    const app = await startApp(fixture.database, { options });
    const cookie = (await browsers[7]?.cookie()) as string;
    await answered(
      app.client(),
      ({ userId, data }) => expect([userId, data['cart' as never]]).toEqual(['user-7', ['book']]),
      { cookie },
    );
    await app.close();
  });

  it('says as JSON how many there were', async () => {
    await old.signedIn('late');
    const { stdout } = await run(['--options', OPTIONS, '--json']);
    expect(JSON.parse(stdout)).toEqual({ seen: 2, adopted: 1 });
  });

  it('gets through where the database is far away', async () => {
    const url = new URL(fixture.database.url);
    const proxy = await TcpProxy.start(Number(url.port));
    url.hostname = '127.0.0.1';
    url.port = String(proxy.port);
    proxy.set('delay', 25);
    try {
      await many(100);
      const { code, stdout } = await run(['--options', OPTIONS], { DATABASE_URL: url.href });
      expect([code, stdout]).toEqual([0, 'Took over 100 of 100 sessions of express-session.\n']);
    } finally {
      await proxy.close();
    }
  });

  it('takes over all others while a row is locked, and that one when it is free', async () => {
    await many(100);
    const held = await fixture.database.hold("select from session where sid = '0001' for update");
    const outcome = run(['--options', OPTIONS]);
    const isOver = outcome.then(() => true);
    const sids = (): Promise<unknown[]> => fixture.database.query('select sid from session');
    // It waits for longer than an application does: it is not over yet.
    while ((await sids()).length > 1 && !(await Promise.race([isOver, pause(50)])));
    expect(await sids()).toEqual([{ sid: '0001' }]);
    await held.release();
    expect((await outcome).stdout).toBe('Took over 100 of 100 sessions of express-session.\n');
  });

  it('fails where the database did not take one, says why and how many it took, and may run again', async () => {
    await many(100);
    await fixture.database.query(`create function busy() returns trigger language plpgsql as $$
      begin raise exception 'it is busy' using errcode = '55006'; end $$`);
    await fixture.database.query(
      `create trigger busy before insert on sessions for each row when (new.user_id = 'user 1') execute function busy()`,
    );
    const { code, stdout, stderr } = await run(['--options', OPTIONS]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(
      /^Took over 99 of 100 sessions of express-session\. The others stay: run it again\.\nThe database did not do it: SQLSTATE 55006; .*\n$/,
    );
    await fixture.database.query('drop function busy cascade');
    expect((await run(['--options', OPTIONS])).stdout).toBe('Took over 1 of 1 session of express-session.\n');
  });

  it.each([
    ['without options', [], {}, 'give --options'],
    ['without a table in them', ['--options', OPTIONS], { OLD_TABLE: '' }, 'give them "adopt", with a "table"'],
    ['with a secret that is none', ['--options', OPTIONS], { OLD_SECRET: '' }, '"adopt.secret" must be the "secret"'],
    ['with a file that is not there', ['--options', 'none.js'], {}, 'could not be loaded'],
  ] as const)('is not begun %s', async (_, args, env, message) => {
    const { code, stderr } = await run(args, env);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });

  it('fails where the table is missing, and says so', async () => {
    const { code, stderr } = await run(['--options', OPTIONS], { OLD_TABLE: 'nowhere' });
    expect(code).toBe(1);
    expect(stderr).toContain('The table "nowhere", which SessionModule option "adopt.table" names, is missing');
  });
});
