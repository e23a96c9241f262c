import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { startApp, type TestApp } from '../../support/app.js';
import { commandOnTerminal } from '../../support/command-line.js';
import { inHandler } from '../../support/probe.js';
import { rows, useDatabase } from './cli.js';

describe('revoke', () => {
  const fixture = useDatabase();
  const { run } = fixture;
  let app: TestApp;
  beforeAll(async () => {
    app = await startApp(fixture.database, { options: { cache: { ttl: '1h' } } });
  });
  afterEach(() => fixture.database.query('delete from sessions'));
  afterAll(() => app.close());

  /** Live sessions of ada and grace. Returns the id of the first. */
  async function people(): Promise<string> {
    const { session } = await app.sessions.create({ userId: 'ada' });
    await app.sessions.create({ userId: 'ada' });
    await app.sessions.create({ userId: 'grace' });
    return session.id;
  }
  const left = async (): Promise<string[]> =>
    (await fixture.database.query<{ user_id: string }>('select user_id from sessions order by user_id')).map(
      ({ user_id: user }) => user,
    );
  const onTerminal = (typed: string, ...args: string[]) =>
    commandOnTerminal(['revoke', ...args], { DATABASE_URL: fixture.database.url }, typed);

  it('ends one session', async () => {
    const id = await people();
    expect(await run('revoke', id, '--yes')).toEqual({ code: 0, stdout: 'Ended 1 session.\n', stderr: '' });
    expect(await left()).toEqual(['ada', 'grace']);
    expect((await run('revoke', id, '--yes')).stdout).toBe('There was no such session.\n');
  });

  it('ends the sessions of a user', async () => {
    await people();
    expect(JSON.parse((await run('revoke', '--user', 'ada', '--yes', '--json')).stdout)).toEqual({ ended: 2 });
    expect(await left()).toEqual(['grace']);
  });

  it('ends all sessions', async () => {
    await people();
    await fixture.database.query(rows(2_500));
    expect((await run('revoke', '--all', '--yes')).stdout).toBe('Ended 2,503 sessions.\n');
    expect(await left()).toEqual([]);
  });

  it('ends nothing where nobody can be asked, unless --yes is given', async () => {
    const id = await people();
    for (const what of [[id], ['--user', 'ada'], ['--all']]) {
      expect(await run('revoke', ...what)).toEqual({
        code: 2,
        stdout: '',
        stderr: 'There is no terminal to ask whether that is meant. Give --yes if it is.\n',
      });
    }
    expect(await left()).toHaveLength(3);
  });

  it('asks on a terminal', async () => {
    await people();
    const declined = await onTerminal('n\n', '--user', 'ada');
    expect(declined.stdout).toContain('End 2 sessions of ada? [y/N]');
    expect(declined.stdout).toContain('Nothing was ended.');
    expect(declined.code).toBe(1);
    expect(await left()).toHaveLength(3);
    const accepted = await onTerminal('y\n', '--all');
    expect(accepted.stdout).toContain('End 3 sessions of everybody, who then have to sign in anew? [y/N]');
    expect(accepted.stdout).toContain('Ended 3 sessions.');
    expect(accepted.code).toBe(0);
    expect(await left()).toEqual([]);
  });

  it.each([
    ['one session', (id: string) => [id]],
    ['those of a user', () => ['--user', 'ada']],
    ['all', () => ['--all']],
  ])('has processes that cache sessions hear of it: %s', async (_what, what) => {
    const client = app.client();
    const id = await inHandler(client, async (session) => {
      await session.login('ada');
      return session.id as string;
    });
    const userId = (): Promise<string | null> => inHandler(client, (session) => session.userId);
    expect(await userId()).toBe('ada');
    expect((await run('revoke', ...what(id), '--yes')).code).toBe(0);
    // The message is on its way; without one, the copy would stay for an hour.
    while ((await userId()) !== null);
    expect(await left()).toEqual([]);
  });
});
