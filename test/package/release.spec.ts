import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { runNode } from '../support/packed.js';

const SCRIPT = resolve(import.meta.dirname, '../../scripts/release.mjs');
const CHANGELOG = '# Changelog\n\n## 0.2.0 (not released yet)\n\n- New.\n\n## 0.1.0 (2026-01-02)\n\n- First.\n';

describe('The release script', () => {
  let folder: string;
  // npm asks a registry what is published, even to try: this one has nothing.
  let registry: string;
  const server = createServer((_, response) => response.writeHead(404).end('{}'));
  beforeAll(async () => {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    registry = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => void server.close());

  const git = (...args: string[]): string => execFileSync('git', args, { cwd: folder, encoding: 'utf8' }).trim();
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
  const release = (...args: string[]) =>
    runNode(folder, [SCRIPT, ...args], { CI: undefined, npm_config_registry: registry });

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'session-release-'));
    git('init', '--quiet', '--initial-branch', 'main');
    git('config', 'user.name', 'Tester');
    git('config', 'user.email', 'tester@app.example');
    const scripts = { 'release:check': 'node -p "\'checked\'"' };
    write('package.json', `${JSON.stringify({ name: 'released-by-a-test', version: '0.1.0', scripts }, null, 2)}\n`);
    write('CHANGELOG.md', CHANGELOG);
    git('add', '.');
    git('commit', '--quiet', '--message', 'Begin');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('sets the version, dates the changelog, commits and tags, and tries to publish', async () => {
    const { code, output } = await release('0.2.0');
    expect({ code, output }).toMatchObject({ code: 0 });
    expect(output).toContain('checked');
    expect(output).toContain('released-by-a-test@0.2.0');
    expect(JSON.parse(read('package.json'))).toMatchObject({ version: '0.2.0' });
    expect(read('CHANGELOG.md')).toMatch(/^## 0\.2\.0 \(\d{4}-\d\d-\d\d\)$/m);
    expect(git('log', '-1', '--format=%s')).toBe('Release 0.2.0');
    expect(git('describe')).toBe('v0.2.0');
    expect(git('status', '--porcelain')).toBe('');
  });

  it('with --dry says what it would do, and changes nothing', async () => {
    const before = git('rev-parse', 'HEAD');
    const { code, output } = await release('0.2.0', '--dry');
    expect({ code, output }).toMatchObject({ code: 0 });
    expect(output).toContain('Would run: npm publish --dry-run');
    expect(output).not.toContain('checked');
    expect([git('rev-parse', 'HEAD'), git('tag'), git('status', '--porcelain')]).toEqual([before, '', '']);
  });

  it.each([
    ['without a version', [], () => {}, 'Say which version'],
    ['with a file that is not committed', ['0.2.0'], () => write('new.txt', ''), 'Commit or remove'],
    ['on another branch', ['0.2.0'], () => git('switch', '--quiet', '--create', 'topic'), 'this is topic'],
    ['where the tag exists', ['0.2.0'], () => git('tag', 'v0.2.0'), 'There is a tag v0.2.0 already'],
    ['of a version below the one there is', ['0.0.9'], () => {}, '0.0.9 is below'],
    ['that the changelog does not announce', ['0.3.0'], () => {}, 'no heading "## 0.3.0 (not released yet)"'],
  ] as const)('refuses a release %s', async (_, args, prepare, message) => {
    prepare();
    const { code, output } = await release(...args);
    expect(code).toBe(1);
    expect(output).toContain(message);
    expect(read('CHANGELOG.md')).toBe(CHANGELOG);
  });
});
