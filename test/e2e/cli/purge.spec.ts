import { beforeEach, describe, expect, it } from '@jest/globals';
import { commandOnTerminal } from '../../support/command-line.js';
import { rows, useDatabase } from './cli.js';

const EXPIRED = { expires: `interval '-1 second'` };

describe('purge', () => {
  const fixture = useDatabase();
  beforeEach(async () => {
    await fixture.database.query('truncate sessions');
    await fixture.database.query(rows(2));
  });
  const left = () => fixture.database.query('select from sessions');

  it('removes the rows of expired sessions, and no others', async () => {
    await fixture.database.query(rows(3, EXPIRED));
    expect(await fixture.run('purge')).toEqual({ code: 0, stdout: 'Removed 3 expired sessions.\n', stderr: '' });
    expect(await left()).toHaveLength(2);
    expect(JSON.parse((await fixture.run('purge', '--json')).stdout)).toEqual({ removed: 0 });
  });

  it('writes a line a second with what is left, where there is no terminal', async () => {
    // At 5,000 a second this takes two.
    await fixture.database.query(rows(12_000, EXPIRED));
    const { code, stdout, stderr } = await fixture.run('purge', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ removed: 12_000 });
    const lines = stderr.trimEnd().split('\n');
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) {
      expect(line).toMatch(/^Removed [\d,]+ of 12,000 expired sessions, \d+ %, \d+ s left$/);
    }
  });

  it('draws a bar on a terminal, and takes it away at the end', async () => {
    await fixture.database.query(rows(5_000, EXPIRED));
    const { code, stdout } = await commandOnTerminal(['purge'], { DATABASE_URL: fixture.database.url });
    expect(code).toBe(0);
    expect(stdout).toMatch(/█+░+ Removed [\d,]+ of 5,000 expired sessions, \d+ %, \d+ s left/);
    expect(stdout.trimEnd().endsWith('\r\u001b[KRemoved 5,000 expired sessions.')).toBe(true);
  });
});
