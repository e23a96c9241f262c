import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { command } from '../../support/command-line.js';
import { rows, useDatabase } from './cli.js';

describe('Where the command line looks', () => {
  const fixture = useDatabase();
  let folder: string;
  beforeAll(async () => {
    // Below the project, so that files in it find the library.
    folder = await mkdtemp(join(import.meta.dirname, 'configurations-'));
    await fixture.database.query(rows(1));
    const { stdout } = await command(['schema', '--schema', 'web', '--table', 'web_sessions']);
    await fixture.database.query(stdout);
    await fixture.database.query(rows(2).replace('into sessions', 'into web.web_sessions'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  /** What `count` says with a configuration. */
  async function counted(name: string, text: string, ...args: string[]) {
    const file = join(folder, name);
    await writeFile(file, text.replaceAll('URL', JSON.stringify(fixture.database.url)));
    const { code, stdout, stderr } = await command(['count', '--json', '--config', file, ...args]);
    return code === 0 ? (JSON.parse(stdout) as { count: number }).count : { code, stderr };
  }

  it('is the database of DATABASE_URL, unless --url names another', async () => {
    expect(await fixture.run('count')).toEqual({ code: 0, stdout: '1 live session\n', stderr: '' });
    const { stdout } = await command(['count', '--url', fixture.database.url], {
      DATABASE_URL: 'postgresql://x@127.0.0.1:1/x',
    });
    expect(stdout).toBe('1 live session\n');
  });

  it('is the table that --schema and --table name', async () => {
    expect((await fixture.run('count', '--schema', 'web', '--table', 'web_sessions')).stdout).toBe('2 live sessions\n');
  });

  it('is what a configuration of MikroORM says', async () => {
    expect(await counted('object.mjs', `export default { clientUrl: URL };`)).toBe(1);
    const own = `import { defineConfig } from '@mikro-orm/postgresql';
      import { sessionEntity } from 'nestjs-mikro-session';
      const entities = ['./dist/**/*.entity.js', sessionEntity({ tableName: 'web_sessions' })];`;
    expect(
      await counted('own.mjs', `${own} export default defineConfig({ clientUrl: URL, schema: 'web', entities });`),
    ).toBe(2);
    expect(
      await counted('other.mjs', `${own} export default { clientUrl: URL, entities };`, '--table', 'sessions'),
    ).toBe(1);
  });

  it.each([
    ['a promise', 'promise.mjs', 'export default Promise.resolve({ clientUrl: URL });'],
    ['a function', 'function.mjs', 'export default () => ({ clientUrl: URL });'],
    ['an asynchronous function', 'later.mjs', 'export default async () => ({ clientUrl: URL });'],
    ['TypeScript', 'typed.mts', 'const config: { clientUrl: string } = { clientUrl: URL }; export default config;'],
    ['compiled to CommonJS', 'compiled.cjs', 'exports.__esModule = true; exports.default = { clientUrl: URL };'],
  ])('takes a configuration that is %s', async (_what, name, text) => {
    expect(await counted(name, text)).toBe(1);
  });

  it.each<[string, string, string, RegExp]>([
    ['throws', 'throws.mjs', `throw new Error('no variable');`, /could not be loaded: no variable\.\n$/],
    ['is none', 'none.mjs', 'export const config = {};', /has no configuration of MikroORM as its default export/],
    ['names no database', 'empty.mjs', 'export default {};', /^MikroORM does not take that: No database/],
  ])('answers a configuration that %s with one line and 2', async (_what, name, text, message) => {
    const outcome = await counted(name, text);
    expect(outcome).toEqual({ code: 2, stderr: expect.stringMatching(message) });
    expect((outcome as { stderr: string }).stderr.split('\n')).toHaveLength(2);
  });

  it('prints nothing that a configuration logs with MikroORM', async () => {
    expect(await counted('debug.mjs', `export default { clientUrl: URL, debug: true };`)).toBe(1);
    const logger = `const logger = { log: (...parts) => console.log(parts), logQuery: (query) => console.log(query), isEnabled: () => true };`;
    expect(
      await counted('logger.mjs', `${logger} export default { clientUrl: URL, loggerFactory: () => logger };`),
    ).toBe(1);
  });

  it('prints the SQL that creates the table, which is harmless where it is there', async () => {
    const { stdout } = await command(['schema', '--schema', 'web', '--table', 'web_sessions']);
    expect(stdout).toMatch(/create table if not exists "web"\."web_sessions" \(\n {2}"id" uuid not null,\n/);
    await fixture.database.query(stdout);
    const { stdout: json } = await command(['schema', '--json']);
    expect((JSON.parse(json) as { statements: string[] }).statements).toHaveLength(2);
  });

  it('says in one line what is wrong with a table, and ends with 1', async () => {
    const outcome = await fixture.run('count', '--table', 'visits');
    expect(outcome).toMatchObject({ code: 1, stdout: '' });
    expect(outcome.stderr).toMatch(/^The table "visits" is missing\. Apply SessionMigration .*\n$/);
  });
});
