import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { publint } from 'publint';
import { runNode } from '../support/packed.js';

const run = promisify(execFile);
const ROOT = resolve(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const manifest = JSON.parse(read('package.json')) as {
  exports: Record<string, unknown>;
  dependencies: Record<string, string>;
};

/** What attw tells of a package. */
interface Attw {
  readonly analysis: { readonly entrypoints: Record<string, unknown> };
  readonly problems: Record<string, unknown>;
}

describe('What is published', () => {
  let folder: string;
  let tarball: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'session-published-'));
    const pack = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
    const { stdout } = await run('npm', pack, { cwd: ROOT });
    tarball = join(folder, (JSON.parse(stdout) as [{ filename: string }])[0].filename);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('satisfies publint, suggestions included', async () => {
    const data = readFileSync(tarball);
    const content = data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
    const { messages } = await publint({ pack: { tarball: content }, strict: true });
    expect(messages).toEqual([]);
  });

  it('has types that every way to resolve modules finds, for every entry', () => {
    const answer = join(folder, 'attw.json');
    // Into a file: it ends before all that it writes into a pipe is read.
    const attw = join(ROOT, 'node_modules/@arethetypeswrong/cli/dist/index.js');
    spawnSync(process.execPath, [attw, tarball, '--format', 'json'], {
      stdio: ['ignore', openSync(answer, 'w'), 'inherit'],
    });
    const { analysis, problems } = JSON.parse(readFileSync(answer, 'utf8')) as Attw;
    expect(Object.keys(analysis.entrypoints).sort()).toEqual(Object.keys(manifest.exports).sort());
    // Every Node.js that is supported can require() an ES module: resolution.spec.ts runs it.
    expect(Object.keys(problems).filter((kind) => kind !== 'CJSResolvesToESM')).toEqual([]);
  });

  it('takes any compatible version of what it depends on', () => {
    const ranges = Object.values(manifest.dependencies);
    expect(ranges.length).toBeGreaterThan(0);
    expect(ranges.filter((range) => !/^\^\d+\.\d+\.\d+$/.test(range))).toEqual([]);
  });

  it('brings the sources of its source maps along', () => {
    const maps = readdirSync(join(ROOT, 'dist'), { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.map'),
    );
    expect(maps.length).toBeGreaterThan(100);
    const isWhole = (name: string): boolean => {
      const map = JSON.parse(read(join('dist', name))) as { sources: string[]; sourcesContent?: (string | null)[] };
      return map.sourcesContent?.filter(Boolean).length === map.sources.length;
    };
    expect(maps.filter((name) => !isWhole(name))).toEqual([]);
  });

  it('exports the names and types of etc/api: after a change, npm run api, and a line in CHANGELOG.md', async () => {
    const reports = join(folder, 'api');
    expect(await runNode(ROOT, ['scripts/api.mjs', reports])).toEqual({ code: 0, output: '' });
    const kept = readdirSync(join(ROOT, 'etc/api'));
    expect(readdirSync(reports)).toEqual(kept);
    for (const name of kept) expect(readFileSync(join(reports, name), 'utf8')).toBe(read(`etc/api/${name}`));
  }, 120_000);
});
