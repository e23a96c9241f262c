import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startApp } from '../../support/app.js';
import { type CommandOutcome, command } from '../../support/command-line.js';
import { OLD_SECRET, type OldApp, startOldApp } from '../../support/old-app.js';
import { answered } from '../../support/probe.js';
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
