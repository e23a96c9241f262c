import { describe, expect, it } from '@jest/globals';
import { pageOf } from '../../../bench/report/page.js';
import { closed, constant, once, open, resultsOf } from './run-of.js';

const MB = 2 ** 20;
const OURS = 'ours on express';
const PG = 'express-session + connect-pg-simple';

/** The lines of a section, those of its tables as cells without blanks around them. */
function section(page: string, title: string): string[] {
  const text = new RegExp(`^## ${title}\n(.*?)(?=^## )`, 'ms').exec(page)?.[1] ?? '';
  return text.split('\n').filter((line) => line !== '');
}

const headings = (page: string): string[] =>
  Array.from(page.matchAll(/^## (.*)$/gm), ([, heading]) => heading as string);

describe('the page of figures', () => {
  it('has no section for what was not measured', () => {
    const page = pageOf(resultsOf({ closedLoop: [closed(OURS, 'GET', 64, 100)] }), null, '');
    expect(headings(page)).toEqual(['Results', 'Where we lose', 'How it was measured', 'Closed loop', 'Do it again']);
  });

  it('says at which rate the open loop ran, of what it is a share, and how much longer the slowest took than on a bare server', () => {
    const openLoop = [open('bare express', 'POST', 4), open(OURS, 'POST', 10), open(PG, 'POST', 900, false)];
    const lines = section(pageOf(resultsOf({ openLoop }), null, ''), 'Open loop');
    expect(lines).toContain('### POST at a fixed rate, 70 % of what ours on express can take');
    expect(lines.slice(-3)).toEqual([
      '| bare express | 700 | 700 | 1.00 | 4.00 | – | – | 1.00 × |',
      `| ${OURS} | 700 | 700 | 1.00 | 10.0 | – | – | 2.50 × |`,
      `| ${PG} | 700 | 700, falls behind | 1.00 | 900 | grows | grows | grows |`,
    ]);
  });

  it('compares no p99 with that of a bare server which falls behind itself', () => {
    const openLoop = [open('bare express', 'GET', 4, false), open(OURS, 'GET', 10)];
    const lines = section(pageOf(resultsOf({ openLoop }), null, ''), 'Open loop');
    expect(lines.at(-1)).toBe(`| ${OURS} | 700 | 700 | 1.00 | 10.0 | – | – | – |`);
  });

  it('has each first write and each login beside ours', () => {
    const figures = [
      once(OURS, 'first write', 300),
      once(PG, 'first write', 100),
      once(OURS, 'login', 90),
      once(PG, 'login', 100),
    ];
    const page = pageOf(resultsOf({ once: figures }), null, '');
    expect(section(page, 'Once in a session’s life').slice(-4)).toEqual([
      `| first write: ${OURS} | 300 | 1.00 × | – | – |`,
      `| first write: ${PG} | 100 | 3.00 × | – | – |`,
      `| login: ${OURS} | 90.0 | 1.00 × | – | – |`,
      `| login: ${PG} | 100 | 0.90 × | – | – |`,
    ]);
    expect(section(page, 'Where we lose').at(-1)).toBe(
      `- login: ${OURS} is slower than ${PG}, which has 1.11 × the requests/s of ours.`,
    );
  });

  it('has the start of an application with and without the module', () => {
    const start = {
      starts: 11,
      without: constant(400),
      with: { median: 480, min: 450, max: 600 },
      ratio: { median: 1.2, min: 1.1, max: 1.5 },
    };
    expect(section(pageOf(resultsOf({ start }), null, ''), 'Start').slice(-3)).toEqual([
      '| without the module | 400 |',
      '| with the module | 480 (450–600) |',
      '| with ÷ without | 1.20 × (1.10–1.50) |',
    ]);
  });

  it('has the memory of a process with many sessions and with few, and what lies between', () => {
    const memory = {
      sessions: 100_000,
      fewSessions: 64,
      requests: 200_000,
      few: { rss: constant(200 * MB), heap: constant(40 * MB) },
      many: { rss: { median: 260 * MB, min: 250 * MB, max: 300 * MB }, heap: constant(71 * MB) },
    };
    const lines = section(pageOf(resultsOf({ memory }), null, ''), 'Memory');
    expect(lines[0]).toContain('Each of the many was read 2 times');
    expect(lines.slice(-3)).toEqual([
      '| 64 | 200 | 40.0 |',
      '| 100,000 | 260 (250–300) | 71.0 |',
      '| difference of the medians | 60.0 | 31.0 |',
    ]);
  });

  describe('says of a run at scale', () => {
    const BEFORE = '# Performance\n\n## Scale\n\nTen million.\n\n### Lookups\n\n| a | b |\n\n## Do it again\n\nsh\n';

    it('what it said before, where that run has left no results here', () => {
      const page = pageOf(resultsOf({}), null, BEFORE);
      expect(section(page, 'Scale')).toEqual(['Ten million.', '### Lookups', '| a | b |']);
      expect(headings(page)).toEqual(headings(pageOf(resultsOf({}), null, page)));
    });

    it('what its results are, where they are here', () => {
      const scale = {
        date: '2026-11-26T10:00:00.000Z',
        postgres: '15',
        sharedBuffers: '1GB',
        rounds: 3,
        lookups: [],
        sweep: null,
      };
      const page = pageOf(resultsOf({}), scale as never, BEFORE);
      expect(section(page, 'Scale')[0]).toContain('on 2026-11-26, with PostgreSQL 15');
      expect(page).not.toContain('Ten million.');
    });
  });
});
