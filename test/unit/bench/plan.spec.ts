import { describe, expect, it } from '@jest/globals';
import { CONTESTANTS } from '../../../bench/contestants.js';
import { parseOptions } from '../../../bench/options.js';
import { connectionsFor, planOf, planText, secondsOf } from '../../../bench/plan.js';

const names = (contestants: readonly { readonly name: string }[]): string[] => contestants.map(({ name }) => name);
const planFor = (...args: string[]) => planOf(parseOptions(args));

describe('the plan of a run of the benchmark', () => {
  it('is to take less than half an hour, and less than three minutes if it is to be quick', () => {
    expect(secondsOf(parseOptions([]))).toBeLessThan(30 * 60);
    expect(secondsOf(parseOptions(['--quick']))).toBeLessThan(3 * 60);
  });

  it('grows with rounds, seconds and connections', () => {
    const seconds = secondsOf(parseOptions([]));
    for (const more of [
      ['--rounds', '4'],
      ['--duration', '3'],
      ['--connections', '64,4,1'],
    ]) {
      expect(secondsOf(parseOptions(more))).toBeGreaterThan(seconds);
    }
  });

  it('has all contestants in the closed loop, and those beside the others with most connections only', () => {
    const { closed, open } = planFor();
    expect(closed).toEqual(CONTESTANTS);
    const aside = CONTESTANTS.find(({ isAside }) => isAside) as (typeof CONTESTANTS)[number];
    expect(connectionsFor(aside, parseOptions(['--connections', '4,64']))).toEqual([64]);
    expect(names(open)).not.toContain(aside.name);
    expect(names(open)).toContain('ours on express');
  });

  it('signs in with ours, and with each store of express-session', () => {
    expect(names(planFor().once)).toEqual([
      'ours on express',
      'express-session + connect-pg-simple',
      'express-session + connect-redis',
      'express-session + connect-redis, durable',
    ]);
  });

  it('has no start and no memory where only some contestants are asked for, and neither where it is quick', () => {
    expect(planFor()).toMatchObject({ hasStart: true, hasMemory: true });
    expect(planFor('--only', 'bare')).toMatchObject({ hasStart: false, hasMemory: false });
    expect(planFor('--quick')).toMatchObject({ open: [], once: [], hasStart: false, hasMemory: false });
  });

  it('has the parts that were asked for', () => {
    expect(planFor('--parts', 'start,memory')).toEqual({
      closed: [],
      open: [],
      once: [],
      hasStart: true,
      hasMemory: true,
    });
    expect(() => parseOptions(['--parts', 'open'])).toThrow('--parts open takes closed as well.');
    expect(() => parseOptions(['--parts', 'closed,loop'])).toThrow('got "loop"');
  });

  it('writes the page of figures only when it has everything', () => {
    expect(parseOptions([]).writesDocs).toBe(true);
    for (const part of [['--quick'], ['--parts', 'closed'], ['--only', 'ours'], ['--connections', '64']]) {
      expect(parseOptions(part).writesDocs).toBe(false);
    }
  });

  it('is one sentence that says how long it takes, and what of it takes part', () => {
    expect(planText(parseOptions(['--parts', 'once', '--rounds', '1']))).toMatch(
      /^About \d minutes?: 4 contestants, 1 round of 2 s \(once\)\.$/,
    );
  });
});
