import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Session } from 'nestjs-mikro-session';
import { startApp, type TestApp, useApp } from '../support/app.js';
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

const deep = (levels: number): unknown => (levels === 0 ? 1 : [deep(levels - 1)]);

describe.each([false, true])('With "acceptPlain" as false, and "cache" as %j,', (cache) => {
  const encryption = { keys, acceptPlain: false };
  const fixture = useApp({ options: { cache, encryption } });
  let other: TestApp;
  beforeAll(async () => void (other = await startApp(fixture.database, { options: { encryption } })));
  afterAll(() => other.close());

  it.each<[string, unknown]>([
    ['nested too deep, under a key that the application writes', { role: 'admin', seen: deep(70) }],
    ['nested too deep, under another key', { role: 'admin', more: deep(70) }],
    ['no object', ['admin']],
  ])('who writes to the table puts no value of their own there by what is %s', async (_what, data) => {
    const elsewhere = other.client();
    const id = await inHandler(elsewhere, (session) => session.set('seen', 0).id);
    await fixture.database.query('update sessions set data = $1 where id = $2', [JSON.stringify(data), id]);
    const cookie = await elsewhere.cookie();
    for (let seen = 1; seen < 4; seen++) {
      const use = (session: Session) => [session.set('seen', seen).get('role'), session.get('0')];
      expect(await inHandler(fixture.app.client(), use, { cookie })).toEqual([undefined, undefined]);
    }
    const line = `The stored data of session ${id} cannot be decrypted`;
    // Nest has one logger for all applications of a process.
    const lines = [...fixture.app.lines, ...other.lines];
    expect(lines.filter((one) => one.includes(line))).toHaveLength(1);
  });
});
