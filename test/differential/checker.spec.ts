import { describe, expect, it } from '@jest/globals';
import { differ } from './compare.js';
import { isDefined, showsLooseSave } from './defined.js';
import { Generator } from './generate.js';
import type { Note } from './notes.js';
import type { Outcome, Visited } from './outcome.js';
import { droppedTooSoon } from './play.js';
import type { Group, Sequence, Step, Value, Visit } from './program.js';
import { shrink } from './shrink.js';
import { sideBySide } from './side-by-side.js';

const set = (key: string, value: Value = 1): Step => ({ do: 'set', key, value });
const call = (op: 'save' | 'reload' | 'destroy', how: 'promise' | 'apart' = 'promise'): Step => ({
  do: 'call',
  call: { op },
  how,
});

function visit(...steps: Step[]): Visit {
  return { before: [], steps, returns: 'nothing', answer: { by: 'json', status: 200 }, isLate: false };
}

const group = (...visits: Visit[]): Group => ({ visits, isReleasedInTurn: true });
const sequenceOf = (seed: number, number: number): Sequence =>
  new Generator(seed, number, 'express', () => false).sequence();

function outcome(notes: Note[], incidents: string[] = []): Outcome {
  const reply = { status: 200, location: null, body: '' };
  return {
    groups: [[{ reply, notes, calledBack: [], isOver: true }]],
    after: [],
    cookies: [],
    incidents,
  };
}

describe('The generator', () => {
  it('makes the same sequence of the same seed and number', () => {
    expect(sequenceOf(1, 2)).toEqual(sequenceOf(1, 2));
    expect(sequenceOf(1, 2)).not.toEqual(sequenceOf(1, 3));
    expect(sequenceOf(1, 2)).not.toEqual(sequenceOf(2, 2));
  });

  it('makes no requests at the same time that undo one another', () => {
    const groups = Array.from({ length: 500 }, (_, number) => sequenceOf(1, number)).flat();
    expect(groups.filter(({ visits }) => visits.length > 1).length).toBeGreaterThan(100);
    expect(groups.filter((one) => !isDefined(one))).toEqual([]);
  });
});

describe('What express-session makes of requests at the same time', () => {
  const hold: Step = { do: 'hold' };

  it.each<[string, Group]>([
    ['one writes', group(visit({ do: 'read' }, hold), visit(set('a')))],
    ['the second takes over what the first has stored', group(visit(hold, call('reload'), set('b')), visit(set('a')))],
  ])('is defined where %s', (_how, one) => {
    expect(isDefined(one)).toBe(true);
  });

  it.each<[string, Group]>([
    ['both write', group(visit(hold, set('b')), visit(set('a')))],
    [
      'the second goes on from what it has loaded before',
      group(visit(call('reload'), hold, set('b')), visit(set('a'))),
    ],
    ['the session has ended', group(visit(hold, call('reload'), set('b')), visit(call('destroy')))],
  ])('is not where %s', (_how, one) => {
    expect(isDefined(one)).toBe(false);
  });
});

describe('What a save takes that nobody waits for', () => {
  const save = call('save', 'apart');
  const flashes: Step = { do: 'flashes', type: null };

  it.each<[string, Visit, boolean]>([
    ['is seen where it is deleted afterwards', visit(set('a'), save, { do: 'delete', key: 'a' }), true],
    ['is seen where it is made what JSON has no word for', visit(set('a'), save, set('a', '@undefined')), true],
    ['is seen where the messages are taken afterwards', visit(save, flashes), true],
    ['is seen where a reload drops it', visit(call('reload'), set('a'), save), true],
    ['is not where something is deleted before', visit(set('a'), { do: 'delete', key: 'b' }, save), false],
    ['is not where another value takes its place', visit(set('a'), save, set('a', 2)), false],
    ['is not where it is waited for', visit(set('a'), call('save'), { do: 'delete', key: 'a' }), false],
  ])('%s', (_how, one, isSeen) => {
    expect(showsLooseSave(one)).toBe(isSeen);
  });
});

describe('Two outcomes', () => {
  it('are alike whatever the ids, as long as the same are the same', () => {
    const ids = (...all: string[]): Outcome => outcome(all.map((id) => ({ step: 'id', id })));
    expect(differ(ids('a', 'b', 'a'), ids('x', 'y', 'x'))).toBe(false);
    expect(differ(ids('a', 'b', 'a'), ids('x', 'y', 'y'))).toBe(true);
  });

  it('are alike whatever the order of keys', () => {
    const data = (result: object): Outcome => outcome([{ step: 'read', result }]);
    expect(differ(data({ a: 1, b: { c: 2, d: 3 } }), data({ b: { d: 3, c: 2 }, a: 1 }))).toBe(false);
    expect(differ(data({ a: [1, 2] }), data({ a: [2, 1] }))).toBe(true);
  });

  it('are not alike where one process has seen an exception that nobody caught', () => {
    expect(differ(outcome([]), outcome([], ['uncaught exception: Error: late']))).toBe(true);
  });
});

describe('A cookie', () => {
  const seen = (result: unknown): Visited[] => outcome([{ step: 'cookie', result }]).groups.flat();
  const HOUR = 3_600_000;

  it.each<[string, number | null, unknown, number]>([
    ['as long as the session', 20 * HOUR, { expires: 1_200 }, 0],
    ['longer', 30 * HOUR, { expires: 1_200 }, 0],
    ['not as long', 12 * HOUR, { expires: 1_200 }, 1],
    ['until the browser is closed', null, { expires: 1_200 }, 0],
    ['though there is no session', 12 * HOUR, 'no session', 0],
  ])('is dropped too soon only if it is kept for less than the session lives: %s', (_how, keptUntil, result, lost) => {
    expect(droppedTooSoon(keptUntil, seen(result), 0)).toHaveLength(lost);
  });
});

describe('A sequence that differs', () => {
  it('is shrunk to what matters', async () => {
    const long = [
      group(visit(set('a'), { do: 'read' })),
      group(visit(set('b'), set('c'), call('save')), visit({ do: 'read' })),
      group(visit(call('destroy'), { do: 'user' })),
    ];
    const matters = (one: Sequence): boolean => {
      const text = JSON.stringify(one);
      return text.includes('"key":"c"') && text.includes('destroy');
    };
    const [first, second, ...rest] = await shrink(long, async (one) => matters(one));
    expect(rest).toEqual([]);
    expect(first?.visits.map(({ steps }) => steps)).toEqual([[set('c')]]);
    expect(second?.visits.map(({ steps }) => steps)).toEqual([[call('destroy')]]);
  });

  it('is printed with both sides, and a mark where they differ', () => {
    const sequence = [group(visit(set('a'), { do: 'read' }))];
    const left = outcome([{ step: 'read', result: { a: 1 } }]);
    const right = outcome([{ step: 'read', result: {} }]);
    const text = sideBySide(sequence, ['one', 'other'], left, right);
    expect(text).toMatch(/request 1: a = 1; read; json 200, handler returns at once\n/);
    expect(text).toMatch(/read: \{"a":1\} +≠ read: \{\}\n/);
  });
});
