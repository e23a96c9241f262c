import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { compileSnippets } from '../snippets/compile.js';
import { snippetsOf, textOf } from '../snippets/markdown.js';
import { createDatabase, type TestDatabase } from '../support/database.js';
import { programOf } from './chromium.js';

const run = promisify(execFile);

/** What the README shows of a terminal: each command, with what it answers. */
function shown(): [command: string, answer: string][] {
  const blocks = textOf('README.md').matchAll(/^```console\n(\$ curl .*?)^```$/gms);
  return Array.from(blocks, ([, block]) => block as string)
    .flatMap((block) => block.split(/^\$ /m).slice(1))
    .map((part) => [part.slice(0, part.indexOf('\n')), part.slice(part.indexOf('\n') + 1)]);
}

/** With a placeholder for what differs from session to session. */
const masked = (text: string): string =>
  text.replaceAll(/[\da-f-]{36}\.[\w-]{43}/g, '<id>.<secret>').replaceAll('\r', '');

describe('The quick start of the README', () => {
  let database: TestDatabase;
  let folder: string;
  let server: ChildProcess;
  let url: string;
  beforeAll(async () => {
    programOf(['curl'], 'Install it (Debian: apt-get install curl).');
    database = await createDatabase();
    folder = await mkdtemp(join(tmpdir(), 'session-readme-'));
    const [main] = compileSnippets(snippetsOf('README.md').filter(({ code }) => code.includes('NestFactory.create')));
    const env = { ...process.env, DATABASE_URL: database.url, PORT: '0', NODE_OPTIONS: '' };
    server = spawn(process.execPath, [main?.file ?? 'none'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    url = ((await once(createInterface(server.stdout as NonNullable<typeof server.stdout>), 'line')) as [string])[0];
  }, 60_000);
  afterAll(async () => {
    server.kill('SIGTERM');
    await once(server, 'exit');
    await database.drop();
    await rm(folder, { recursive: true });
  });

  it('is answered in a terminal as it says', async () => {
    expect(shown().length).toBeGreaterThan(4);
    for (const [command, answer] of shown()) {
      const { stdout } = await run('bash', ['-c', command.replace('http://127.0.0.1:3000', url)], { cwd: folder });
      expect([command, masked(stdout).trimEnd()]).toEqual([command, masked(answer).trimEnd()]);
    }
  });
});
