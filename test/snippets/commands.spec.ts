import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { command } from '../support/command-line.js';
import { pages, textOf } from './markdown.js';

const ROOT = join(import.meta.dirname, '../..');
const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> };

/** What follows a text in the pages, in blocks and in sentences, to the end of the command. */
function after(text: string): string[] {
  const found = [...pages().map(textOf), readFileSync(join(ROOT, 'CONTRIBUTING.md'), 'utf8')].flatMap((page) =>
    Array.from(page.matchAll(new RegExp(`${text} +([^\`|#\\n]*)`, 'g')), ([, rest]) => (rest as string).trim()),
  );
  return [...new Set(found)].filter((rest) => rest !== '').sort();
}

describe('The commands that the documentation names', () => {
  const ours = after('npx nestjs-mikro-session');

  it('are found', () => expect(ours.length).toBeGreaterThan(8));

  // With --help a command does nothing but to read what was typed.
  it.each(ours)('are understood: nestjs-mikro-session %s', async (typed) => {
    const { code, stderr } = await command([...typed.split(/ +/), '--help']);
    expect([code, stderr]).toEqual([0, '']);
  });

  const named = new Set(after('npm run').map((rest) => rest.split(' ')[0] as string));
  it.each([...named])('are scripts: npm run %s', (name) => {
    expect(scripts).toHaveProperty([name]);
  });
});
