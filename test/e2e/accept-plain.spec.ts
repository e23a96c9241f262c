import { describe, expect, it } from '@jest/globals';
import { useApp } from '../support/app.js';
import { inHandler, visit } from '../support/probe.js';

const keys = [Buffer.alloc(32, 3)];

describe.each([
  [true, ['admin'], 1],
  [false, [], undefined],
])('With encryption, and "acceptPlain" as %j,', (acceptPlain, roles, n) => {
  const fixture = useApp({ options: { encryption: { keys, acceptPlain } } });

  it('what somebody writes into the table in plain text is believed or not', async () => {
    const client = fixture.app.client();
    await visit(client, (session) => session.set('own', 1).login('ada', { roles: ['reader'] }));
    const said = () => inHandler(client, (session) => [session.get('own'), session.get('n'), session.avatar.roles]);
    expect(await said()).toEqual([1, undefined, ['reader']]);
    const lines: string[] = [];
    const ignore = (): void => {};
    fixture.app.app.useLogger({ log: ignore, warn: ignore, error: (line: string) => lines.push(line) });
    await fixture.database.query(`update sessions set auth = '{"roles": ["admin"]}', data = data || '{"n": 1}'`);
    expect(await said()).toEqual([1, n, roles]);
    expect(await said()).toEqual([1, n, roles]);
    const { id } = await fixture.row();
    expect(lines.map((line) => line.includes(`of session ${id} cannot be decrypted`))).toEqual(
      acceptPlain ? [] : [true, true],
    );
    expect(lines.join()).not.toMatch(/admin/);
  });
});
