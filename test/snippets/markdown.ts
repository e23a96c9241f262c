import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');

/** A block of TypeScript that a page shows. */
export interface Snippet {
  /** `README.md`, or the name of a file in docs/. */
  readonly page: string;
  /** The line of the page that its first line is. */
  readonly line: number;
  readonly code: string;
  /** Where its names come from first: `<!-- snippet: @nestjs/graphql -->` before it. For names that several modules have. */
  readonly from: string | null;
}

/** The pages whose snippets are tested: all but decisions, which say how a thing once was. */
export function pages(): string[] {
  return [
    'README.md',
    ...readdirSync(join(ROOT, 'docs')).filter((name) => name.endsWith('.md') && name !== 'README.md'),
  ];
}

export function textOf(page: string): string {
  return readFileSync(join(ROOT, page === 'README.md' ? '' : 'docs', page), 'utf8');
}

export function snippetsOf(page: string): Snippet[] {
  const text = textOf(page);
  return Array.from(
    text.matchAll(/(?:^<!-- snippet: (\S+) -->\n\n)?^( *)```ts\n(.*?)^ *```$/gms),
    ({ index, 0: all, 1: from, 2: indent, 3: code }) => ({
      page,
      from: from ?? null,
      line: text.slice(0, index + all.indexOf('```ts')).split('\n').length + 1,
      code: (code as string).replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
    }),
  );
}
