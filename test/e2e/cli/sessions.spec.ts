import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { SessionId } from 'nestjs-mikro-session';
import { startApp, type TestApp } from '../../support/app.js';
import { useDatabase } from './cli.js';

const SECRET = 'stored-value';

describe('The command line shows', () => {
  const fixture = useDatabase();
  const { run } = fixture;
  let app: TestApp;
  let credential: string;
  let id: SessionId;
  beforeAll(async () => {
    app = await startApp(fixture.database);
    const data = { cart: { items: [SECRET] } };
    const created = await app.sessions.create({ userId: 'ada', auth: { roles: ['admin'] }, data });
    credential = created.credential;
    id = created.session.id;
    await app.sessions.create({ userId: 'ada' });
    await app.sessions.create({ userId: 'grace' });
    const agent = `Mozilla/5.0 (\u001b[2J\u202e日本語) ${'x'.repeat(100)}`;
    await fixture.database.query('update sessions set ip = $1, user_agent = $2 where id = $3', [
      '192.0.2.7',
      agent,
      id,
    ]);
  });
  afterAll(() => app.close());

  it('the sessions of a user, in columns', async () => {
    const { code, stdout, stderr } = await run('sessions', '--user', 'ada');
    expect(code).toBe(0);
    expect(stderr).toBe('2 live sessions\n');
    const [headings, first, second, ...rest] = stdout.split('\n');
    expect(headings).toMatch(/^ID {36}SIGNED IN {13}LAST ACCESS {11}EXPIRES {15}IP {9}USER AGENT$/);
    expect(first).toMatch(
      /^[\w-]{36} {2}(2[\d-]{9}T[\d:]{8}Z {2}){3}192\.0\.2\.7 {2}Mozilla\/5\.0 \(\\u001b\[2J\\u202e日本語\) x+…$/,
    );
    expect(first?.startsWith(id)).toBe(true);
    expect(second).toMatch(/–$/);
    expect(rest).toEqual(['']);
  });

  it('the sessions of a user, as JSON', async () => {
    const { stdout, stderr } = await run('sessions', '--user', 'ada', '--json');
    expect(stderr).toBe('');
    const { user, sessions } = JSON.parse(stdout) as { user: string; sessions: Record<string, string>[] };
    expect([user, sessions.length]).toEqual(['ada', 2]);
    const [device] = await app.sessions.listForUser('ada');
    expect(sessions[0]).toMatchObject({ id, ip: '192.0.2.7', userAgent: device?.userAgent });
    expect(Date.parse(sessions[0]?.['expiresAt'] as string)).toBeCloseTo(device?.expiresAt.getTime() as number, -4);
  });

  it('that a user has none', async () => {
    expect(await run('sessions', '--user', 'nobody\n')).toMatchObject({
      code: 0,
      stdout: 'No live session of nobody\\n.\n',
    });
  });

  it('how many are live', async () => {
    expect((await run('count')).stdout).toBe('3 live sessions\n');
    expect(JSON.parse((await run('count', '--json')).stdout)).toEqual({ count: 3 });
  });

  it('one session, without what opens it and what is in it', async () => {
    for (const format of [[], ['--json']]) {
      const { code, stdout } = await run('show', id.toUpperCase(), ...format);
      expect(code).toBe(0);
      expect(stdout).toContain(id);
      expect(stdout).toContain('ada');
      for (const hidden of [SECRET, 'cart', 'admin', ...secretsOf(credential)]) expect(stdout).not.toContain(hidden);
    }
    const [row] = await fixture.database.query<{ hash: string }>(
      `select encode(secret_hash, 'hex') as hash from sessions where id = $1`,
      [id],
    );
    expect((await run('show', id, '--data', '--json')).stdout).not.toContain(row?.hash);
  });

  it('its data only where that is asked for', async () => {
    const { stdout } = await run('show', id, '--data');
    expect(stdout).toContain(`data.cart  {"items":["${SECRET}"]}`);
    expect(stdout).toContain('auth  {"roles":["admin"]}');
    const { data, auth, sealed } = JSON.parse((await run('show', id, '--data', '--json')).stdout) as Record<
      string,
      unknown
    >;
    expect({ data, auth, sealed }).toEqual({
      data: { cart: { items: [SECRET] } },
      auth: { roles: ['admin'] },
      sealed: [],
    });
  });

  it('of what is sealed that it is', async () => {
    const encryption = { keys: [randomBytes(32)] };
    const sealing = await startApp(fixture.database, { options: { encryption } });
    const { session } = await sealing.sessions.create({
      userId: 'eve',
      auth: { roles: ['admin'] },
      // Not the one that the other application has stored in the open.
      data: { pin: 'an umbrella' },
    });
    await sealing.close();
    const { stdout } = await run('show', session.id, '--data');
    expect(stdout).toContain('data.pin  sealed; needs the application’s key');
    expect(stdout).toContain('auth  sealed; needs the application’s key');
    expect(stdout).not.toContain('$enc');
    const { data, auth, sealed } = JSON.parse((await run('show', session.id, '--data', '--json')).stdout) as Record<
      string,
      unknown
    >;
    expect({ data, auth, sealed }).toEqual({ data: { pin: null }, auth: null, sealed: ['auth', 'data.pin'] });
  });

  it('a session whose row no application can use, and why', async () => {
    const { session } = await app.sessions.create({ userId: 'mallory' });
    await fixture.database.query(`update sessions set data = '[]', secret_hash = 'x' where id = $1`, [session.id]);
    const { code, stdout } = await run('show', session.id, '--data');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^unusable +secret_hash$/m);
    expect(stdout).toMatch(/^data +unreadable/m);
  });

  it('that there is no such session, and ends with 1', async () => {
    const { session } = await app.sessions.create({ userId: 'late' });
    await fixture.database.query(`update sessions set expires_at = now() where id = $1`, [session.id]);
    expect(await run('show', session.id, '--json')).toEqual({
      code: 1,
      stdout: '',
      stderr: 'There is no such session.\n',
    });
  });
});

/** The credential, and the part that is secret. */
function secretsOf(credential: string): string[] {
  return [credential, credential.split('.')[1] as string];
}
