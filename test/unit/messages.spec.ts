import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';

const ROOT = fileURLToPath(new URL('../../lib/', import.meta.url));

/** The code of each file, without comments. */
const files = readdirSync(ROOT, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.startsWith('testing/'))
  .map((file) => ({
    file,
    code: readFileSync(join(ROOT, file), 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, ''),
  }));

const filesWith = (pattern: RegExp): string[] => files.filter(({ code }) => pattern.test(code)).map(({ file }) => file);

/** What is put into the message of an error of JavaScript's own, in a code. */
function inserted(code: string): string[] {
  const messages = code.matchAll(/new (?:Type|Range|Syntax|Aggregate)?Error\(\s*((?:'[^']*'|`[^`]*`|[+\s])+)/g);
  return Array.from(messages, ([, text = '']) => text).flatMap((text) =>
    Array.from(text.matchAll(/\$\{(.*?)\}/g), ([, expression = '']) => expression),
  );
}

it('finds what is put into a message', () => {
  expect(inserted('throw new TypeError(\n  `a ${b} c` +\n    `${d.e}`,\n)')).toEqual(['b', 'd.e']);
});

it('All lines for the operator go through the one function that has them on one line', () => {
  expect(filesWith(/\bLogger\b/)).toEqual(['nest/operator-log.ts']);
  expect(filesWith(/\bconsole\.(?!log\(require)|process\.(emitWarning|stdout|stderr)|\bdebuglog\b/)).toEqual([
    // The command line writes to a terminal, by `output.ts`.
    'cli/main.ts',
  ]);
});

it('All errors are SessionErrors, whose messages are one line, or say nothing that somebody else chose', () => {
  const numbers = /^(Math\.round\(.*\)|this\.#longestConnecting|this\.#env\.queryTimeout|[A-Z_]+)$/;
  const unsafe = files.flatMap(({ file, code }) =>
    inserted(code)
      // Of a member of the session, the name is shown already.
      .filter((one) => !/^(shown|inQuotes|kindOf)/.test(one) && !numbers.test(one) && one !== 'name')
      .map((one) => `${file}: ${one}`),
  );
  expect(unsafe).toEqual([]);
  expect(files.flatMap(({ code }) => inserted(code)).length).toBeGreaterThan(5);
  expect(filesWith(/class \w+ extends Error\b/).toSorted()).toEqual([
    'cli/usage-error.ts',
    'session.errors.ts',
    'store/postgres/driver/refusals.ts',
    'store/redis/connections.ts',
    'store/redis/operation-clock.ts',
    'store/redis/primary-confirmations.ts',
  ]);
});
