import { describe, expect, it } from '@jest/globals';
import { CONTESTANTS } from '../../../bench/contestants.js';
import { TARGETS, targetTable } from '../../../bench/report/targets.js';
import { closed, constant, NOTHING, once, open } from './run-of.js';

const MB = 2 ** 20;
const OURS = 'ours on express';
const PG = 'express-session + connect-pg-simple';

/** The row of a target: its floor, its goal, what is, and what that reaches. */
function row(measured: Partial<typeof NOTHING>, name: string): readonly string[] | undefined {
  return targetTable({ ...NOTHING, ...measured })
    .rows.find(([target]) => target === name)
    ?.slice(1);
}

describe('the targets of the benchmark', () => {
  it('have a row each when everything has been measured', () => {
    const names = CONTESTANTS.map(({ name }) => name);
    const { rows } = targetTable({
      closedLoop: names.flatMap((name) =>
        [4, 64].flatMap((count) => [closed(name, 'GET', count, 1), closed(name, 'POST', count, 1)]),
      ),
      openLoop: names.flatMap((name) => [open(name, 'GET', 1), open(name, 'POST', 1)]),
      once: names.flatMap((name) => [once(name, 'login', 1), once(name, 'first write', 1)]),
      start: { starts: 9, without: constant(1), with: constant(1), ratio: constant(1) },
      memory: {
        sessions: 100,
        fewSessions: 1,
        requests: 200,
        many: { rss: constant(MB), heap: constant(MB) },
        few: { rss: constant(MB), heap: constant(MB) },
      },
    });
    expect(rows).toHaveLength(TARGETS.length);
    expect(new Set(rows.map(([name]) => name)).size).toBe(TARGETS.length);
  });

  it('have no row for what was not measured', () => {
    expect(targetTable(NOTHING).rows).toEqual([]);
    const { rows } = targetTable({
      ...NOTHING,
      closedLoop: [closed(PG, 'GET', 64, 1)],
      once: [once(OURS, 'login', 1)],
    });
    expect(rows).toEqual([]);
  });

  it.each([
    [8_000, 'goal'],
    [7_999, 'floor'],
    [7_000, 'floor'],
    [6_999, 'MISSED'],
  ])('count requests a second: %d/s encrypted beside 10,000/s are %s', (perSecond, reached) => {
    const closedLoop = [
      closed(OURS, 'POST', 64, 10_000),
      closed('ours on express, encrypted', 'POST', 64, perSecond),
      closed('ours on express, encrypted', 'POST', 4, 1),
    ];
    const now = `${(perSecond / 10_000).toFixed(2)} ×`;
    expect(row({ closedLoop }, 'ours on express, encrypted, POST × 64: ÷ ours on express')).toEqual([
      '0.70 ×',
      '0.80 ×',
      now,
      reached,
    ]);
  });

  it('compare those that had as many connections', () => {
    const closedLoop = [closed(OURS, 'GET', 4, 300), closed(OURS, 'GET', 64, 999), closed(PG, 'GET', 4, 100)];
    expect(row({ closedLoop }, `${OURS}, GET × 4: ÷ ${PG}`)).toEqual(['2.70 ×', '3.50 ×', '3.00 ×', 'floor']);
    expect(row({ closedLoop }, `${OURS}, GET × 64: ÷ ${PG}`)).toBeUndefined();
  });

  it('call the share of a bare server by its percentage', () => {
    const closedLoop = [closed('bare express', 'GET', 64, 100), closed('ours on express, cached', 'GET', 64, 96)];
    expect(row({ closedLoop }, 'ours on express, cached, GET × 64: ÷ bare express')).toEqual([
      '95 %',
      '100 %',
      '96 %',
      'floor',
    ]);
  });

  describe('at a fixed rate', () => {
    const NAME = 'ours on express, POST at a fixed rate: p99 ÷ bare express';

    it.each([
      [9, 'goal'],
      [10, 'floor'],
      [19, 'MISSED'],
    ])('count the p99: one of %d ms beside 3 ms is %s', (p99, reached) => {
      const openLoop = [open('bare express', 'POST', 3), open('bare express', 'GET', 99), open(OURS, 'POST', p99)];
      expect(row({ openLoop }, NAME)).toEqual(['6.00 ×', '3.00 ×', `${(p99 / 3).toFixed(2)} ×`, reached]);
    });

    it('are missed by ours where it falls behind, whatever its p99', () => {
      const openLoop = [open('bare express', 'POST', 3), open(OURS, 'POST', 3, false)];
      expect(row({ openLoop }, NAME)).toEqual(['6.00 ×', '3.00 ×', 'falls behind', 'MISSED']);
    });

    it('say nothing where the bare server falls behind', () => {
      const openLoop = [open('bare express', 'POST', 3, false), open(OURS, 'POST', 3)];
      expect(row({ openLoop }, NAME)).toBeUndefined();
    });
  });

  it('count what each session does once', () => {
    const figures = [once(OURS, 'first write', 300), once(OURS, 'login', 290), once(PG, 'login', 100)];
    expect(row({ once: figures }, `${OURS}, login: ÷ ${PG}`)).toEqual(['2.00 ×', '3.00 ×', '2.90 ×', 'floor']);
  });

  it('count the ratio of two starts, of which less is better', () => {
    const start = { starts: 9, without: constant(400), with: constant(480), ratio: { median: 1.2, min: 1, max: 2 } };
    expect(row({ start }, 'start of an application: with the module ÷ without')).toEqual([
      '1.30 ×',
      '1.15 ×',
      '1.20 ×',
      'floor',
    ]);
  });

  it.each([
    [39, '+39.0', 'goal'],
    [61, '+61.0', 'MISSED'],
    [-2, '-2.00', 'goal'],
  ])('count how many MB a process has grown: %d are %s, %s', (megabytes, now, reached) => {
    const few = { rss: constant(100 * MB), heap: constant(0) };
    const memory = {
      sessions: 100_000,
      fewSessions: 64,
      requests: 200_000,
      few,
      many: { rss: constant((100 + megabytes) * MB), heap: constant(0) },
    };
    const name = 'memory (RSS) of a process with many sessions in use: MB more than with few';
    expect(row({ memory }, name)).toEqual(['+60.0', '+40.0', now, reached]);
  });
});
