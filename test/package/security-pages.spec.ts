import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { titlesIn, titlesOf } from '../support/test-titles.js';

const DOCS = resolve(import.meta.dirname, '../../docs');
const ADVISORIES = resolve(import.meta.dirname, '../e2e/advisories');
const read = (page: string): string => readFileSync(join(DOCS, page), 'utf8');

/** What each standard asks for, by number or heading, in its order: all there is of the parts that concern sessions. */
const CLAUSES: Readonly<Record<string, readonly string[]>> = {
  'OWASP ASVS 5.0': [
    ...numbered('3.3', 5),
    ...numbered('3.5', 8),
    '4.4.2',
    ...numbered('7.1', 3),
    ...numbered('7.2', 4),
    ...numbered('7.3', 2),
    ...numbered('7.4', 5),
    ...numbered('7.5', 3),
    ...numbered('7.6', 2),
    '14.2.1',
    '14.3.2',
    '16.1.1',
    ...numbered('16.2', 5),
    ...numbered('16.3', 4),
    ...numbered('16.4', 3),
    ...numbered('16.5', 4),
  ],
  'OWASP Session Management Cheat Sheet': [
    'Session ID Name Fingerprinting',
    'Session ID Entropy',
    'Session ID Length',
    'Session ID Content (or Value)',
    'Built-in Session Management Implementations',
    'Used vs. Accepted Session ID Exchange Mechanisms',
    'Transport Layer Security',
    'Secure Attribute',
    'HttpOnly Attribute',
    'SameSite Attribute',
    'Cookie Name Prefixes',
    'Domain and Path Attributes',
    'Expire and Max-Age Attributes',
    'HTML5 Web Storage API',
    'Web Workers',
    'Session ID Generation and Verification: Permissive and Strict Session Management',
    'Manage Session ID as Any Other User Input',
    'Renew the Session ID After Any Privilege Level Change',
    'Considerations When Using Multiple Cookies',
    'Idle Timeout',
    'Absolute Timeout',
    'Renewal Timeout',
    'Logout Button',
    'Web Content Caching and Clear-Site-Data',
    'Reauthentication After Risk Events',
    'Initial Login Timeout',
    'Force Session Logout On Web Browser Window Close Events',
    'Disable Web Browser Cross-Tab Sessions',
    'Automatic Client Logout',
    'Session ID Guessing and Brute Force Detection',
    'Detecting Session ID Anomalies',
    'Binding the Session ID to Other User Properties',
    'Logging Sessions Life Cycle: Monitoring Creation, Usage, and Destruction of Session IDs',
    'Simultaneous Session Logons',
    'Session Management WAF Protections',
  ],
  'RFC 6265bis': [
    '4.1.1',
    ...numbered('4.1.2', 7),
    '4.1.3',
    '4.2.1',
    '4.2.2',
    '5.4',
    '5.5',
    '5.6',
    '5.7',
    '6.1',
    '7.4',
    ...numbered('8', 9).slice(1),
  ],
  'NIST SP 800-63B': ['2.1.3', '2.2.3', '2.3.3', '5.1', '5.1.1', '5.1.2', '5.2', '5.3'],
};

function numbered(section: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${section}.${index + 1}`);
}

interface NamedTest {
  readonly file: string;
  readonly title: string;
}

/** The tests that a page names: `[file.spec.ts] “title”`, where the file is a link whose target stands at the end of the page. */
function testsNamedIn(text: string, definitions: string): NamedTest[] {
  const targets = new Map(
    Array.from(definitions.matchAll(/^\[([^\]]+\.spec\.ts)\]: (\S+)$/gm), ([, label, path]) => [label, path as string]),
  );
  const named: NamedTest[] = [];
  for (const [, label, titles] of text.matchAll(/\[([^\]]+\.spec\.ts)\]((?:,? “[^”]+”)*)/g)) {
    const file = join(DOCS, targets.get(label) ?? `(${label} has no target)`);
    for (const [, title] of (titles ?? '').matchAll(/“([^”]+)”/g))
      named.push({ file, title: (title as string).replaceAll(String.raw`\_`, '_') });
  }
  return named;
}

/** The rows of the tables below a heading of the second level, as cells, without those that head the tables. */
function rowsBelow(heading: string, page: string): string[][] {
  const section = page.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
  return Array.from(section.replaceAll(/^\|.+\|\n\|[ |-]+\|$/gm, '').matchAll(/^\|(.+)\|$/gm), ([, row]) =>
    (row as string).split('|').map((cell) => cell.trim()),
  );
}

describe('Titles of tests', () => {
  it('are found in whichever way a test is written, and not of one that does not run', () => {
    const source = `
      it('one', () => {}); it.each([1])("two %s", () => {}); test.each<[a]>([[b]])(\`three \${x}\`, () => {});
      describe('none', () => { it.only('four', () => {}); });
      it.skip('skipped', () => {}); it.todo('to do'); describe.skip('off', () => { it('below', () => {}); }); other('no');`;
    expect([...titlesOf(source)]).toEqual(['one', 'two %s', 'three ${x}', 'four']);
  });
});

describe.each(['security.md', 'security-clauses.md'])('docs/%s', (name) => {
  const page = read(name);
  const named = testsNamedIn(page, page);

  it('names tests, and each of them is there', () => {
    expect(named.length).toBeGreaterThan(30);
    const missing = named.filter(({ file, title }) => !titlesIn(file).has(title));
    expect(missing).toEqual([]);
  });

  it('links to no file of tests without naming a test in it', () => {
    const labels = Array.from(page.matchAll(/\[([^\]]+\.spec\.ts)\](?!:)(?! “)/g), ([, label]) => label);
    expect(labels).toEqual([]);
  });
});

describe('docs/security.md', () => {
  it('names a test for each attack', () => {
    const page = read('security.md');
    const rows = rowsBelow('Who attacks, and what they meet', page);
    expect(rows.length).toBeGreaterThan(15);
    expect(rows.filter((cells) => testsNamedIn(cells.at(-1) as string, page).length === 0)).toEqual([]);
  });

  it('names each test of an advisory in a row of its own, with the lesson', () => {
    const page = read('security.md');
    const rows = rowsBelow('Lessons of the field’s advisories', page);
    const titles = readdirSync(ADVISORIES).flatMap((file) => [...titlesIn(join(ADVISORIES, file))]);
    const ofRow = ([advisory = '', lesson, tests = '']: string[]): string[] =>
      testsNamedIn(tests, page).flatMap(({ title }) => (lesson && title.startsWith(`${advisory}: `) ? [title] : []));
    expect(rows.length).toBeGreaterThan(15);
    expect(rows.flatMap(ofRow).toSorted()).toEqual(titles.toSorted());
    expect(rows.filter((row) => ofRow(row).length === 0)).toEqual([]);
  });
});

describe.each(Object.entries(CLAUSES))('docs/security-clauses.md, %s', (standard, clauses) => {
  const page = read('security-clauses.md');
  const rows = rowsBelow(standard, page);

  it('answers every clause, once and in order, and no other', () => {
    expect(rows.map(([clause]) => clause)).toEqual(clauses);
  });

  it('says of each what it is about and how it is answered, and by which test or whose task it is', () => {
    const isAnswered = ([, subject, answer, proof]: string[]): boolean =>
      subject !== '' &&
      answer !== '' &&
      (['yours', 'the browser’s'].includes(proof as string) || testsNamedIn(proof as string, page).length > 0);
    expect(rows.filter((cells) => cells.length !== 4 || !isAnswered(cells))).toEqual([]);
  });
});
