import { describe, expect, it } from '@jest/globals';
import { useApp } from '../support/app.js';
import { command } from '../support/command-line.js';
import { inHandler, visit } from '../support/probe.js';

// As docs/operations.md says of backup and restore.
describe('A table of sessions that is restored from a backup', () => {
  const fixture = useApp();

  it('has back what was ended since, until all are ended as the page says', async () => {
    const client = fixture.app.client();
    await visit(client, (session) => session.login('ada'));
    const cookie = await client.cookie();
    await fixture.database.query('create table backup as select * from sessions');
    await visit(client, (session) => session.logout());
    const user = () => inHandler(fixture.app.client(), (session) => session.userId, { cookie });
    expect(await user()).toBeNull();

    await fixture.database.query('insert into sessions select * from backup');
    expect(await user()).toBe('ada');

    const page = ['revoke', '--all', '--yes'];
    const { code, stdout } = await command(page, { DATABASE_URL: fixture.database.url });
    expect([code, stdout]).toEqual([0, 'Ended 1 session.\n']);
    expect(await user()).toBeNull();
  });
});
