import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { command } from '../../support/command-line.js';

const NOWHERE = 'postgresql://ada:very-secret@127.0.0.1:1/shop';
const ID = '0190f5e0-0000-7000-8000-000000000000';

describe('The command line', () => {
  it('lists its commands with --help', async () => {
    const { code, stdout, stderr } = await command(['--help']);
    expect(code).toBe(0);
    expect(stderr).toBe('');
    const names = ['doctor', 'sessions', 'show', 'revoke', 'count', 'purge', 'schema'];
    expect(names.filter((name) => !new RegExp(`^  ${name} .*[A-Z]`, 'm').test(stdout))).toEqual([]);
  });

  it('says how each command is typed', async () => {
    const { code, stdout } = await command(['revoke', '--help']);
    expect(code).toBe(0);
    expect(stdout).toContain('Usage: nestjs-mikro-session revoke <id> | --user <user> | --all');
    expect(stdout).toContain('--yes');
  });

  it('prints the version of the package', async () => {
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../../package.json'), 'utf8')) as {
      version: string;
    };
    expect(await command(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  it('prints the help as an error where no command is typed', async () => {
    const { code, stdout, stderr } = await command([]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('Usage:');
  });

  it.each<[string, string[], RegExp]>([
    ['a command that there is not', ['cuont'], /^There is no command "cuont"\. See "nestjs-mikro-session --help"\.\n$/],
    ['an option that there is not', ['count', '--fast'], /^There is no option "--fast"\. See ".* count --help"\.\n$/],
    ['an option of another command', ['count', '--yes'], /^There is no option "--yes"/],
    ['a short option', ['count', '-h'], /^There is no option "-h"/],
    ['an option without its value', ['sessions', '--user'], /^The option "--user" needs a value: --user=<user>\./],
    ['an option in place of a value', ['sessions', '--user', '--json'], /^The option "--user" needs a value/],
    ['an empty value', ['sessions', '--user='], /^The option "--user" needs a value/],
    ['a flag with a value', ['count', '--json=yes'], /^The option "--json" takes no value/],
    ['an argument too many', ['count', 'all'], /^"all" is one argument too many/],
    ['no user', ['sessions'], /^It is not said whose sessions/],
    ['a user that no user is called', ['sessions', '--user', 'x'.repeat(513)], /^The value of "--user" is no id/],
    ['no session', ['show'], /^It is not said which session/],
    ['nothing to end', ['revoke', '--yes'], /^Say what to end/],
    ['two things to end', ['revoke', ID, '--all', '--yes'], /^Say what to end/],
    ['no database', ['count'], /^It is not said which database: set DATABASE_URL, or give --url or --config\.\n$/],
    ['two databases', ['count', '--url', NOWHERE, '--config', 'x.js'], /^Give either --url or --config/],
    ['a name that is none', ['schema', '--table', 'a;b'], /"tableName" must be a name/],
  ])('answers %s with one line and 2', async (_what, args, message) => {
    const { code, stdout, stderr } = await command(args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
    expect(stderr.split('\n')).toHaveLength(2);
  });

  it('shows control characters that were typed as text', async () => {
    const { stderr } = await command(['\u001b[31mcount\r']);
    expect(stderr).toBe('There is no command "\\u001b[31mcount\\r". See "nestjs-mikro-session --help".\n');
  });

  it('does not repeat what may be a credential', async () => {
    const credential = `${ID}.${'s'.repeat(43)}`;
    for (const args of [
      ['show', credential],
      ['revoke', credential, '--yes'],
    ]) {
      const { code, stderr } = await command(args, { DATABASE_URL: NOWHERE });
      expect(code).toBe(2);
      expect(stderr).toMatch(/^That is no id of a session/);
      expect(stderr).not.toContain('sss');
    }
  });

  it.each([
    ['count', 1],
    ['purge', 1],
    ['doctor', 3],
  ])('%s says in one line that no database answers, and ends with %d', async (name, code) => {
    const outcome = await command([name, '--json'], { DATABASE_URL: NOWHERE });
    expect(outcome).toEqual({
      code,
      stdout: '',
      stderr:
        'The database does not answer: connect ECONNREFUSED 127.0.0.1:1. Check DATABASE_URL, --url or --config.\n',
    });
  });

  it.each([
    ['a password that is wrong', (url: URL) => (url.password = 'very-secret'), 1, /password authentication failed/],
    ['a database that is not there', (url: URL) => (url.pathname = '/nowhere'), 1, /"nowhere" does not exist/],
    [
      'a host that is not there',
      (url: URL) => (url.host = 'nowhere.invalid'),
      1,
      /does not answer: .*nowhere\.invalid/,
    ],
    ['no database in it', (url: URL) => (url.pathname = ''), 2, /^--url must be the address of a database/],
  ])('tells of %s without the password', async (_what, change, code, message) => {
    const url = new URL(process.env['TEST_DATABASE_URL'] as string);
    change(url);
    const outcome = await command(['count', '--url', url.href]);
    expect(outcome.code).toBe(code);
    expect(outcome.stderr).toMatch(message);
    expect(outcome.stderr).not.toContain(url.password);
    expect(outcome.stderr.split('\n')).toHaveLength(2);
  });

  it.each([
    ['not encoded', 'postgresql://ada:12/very-secret@host/shop'],
    ['of another kind', 'mysql://ada:very-secret@host/shop'],
    ['none', 'very-secret'],
  ])('does not show an address that is %s', async (_what, url) => {
    const { code, stderr } = await command(['count'], { DATABASE_URL: url });
    expect(code).toBe(2);
    expect(stderr).toMatch(/^DATABASE_URL must be the address of a database/);
    expect(stderr).not.toContain('secret');
  });
});
