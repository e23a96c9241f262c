import { isDefined } from './defined.js';
import type { Group, Sequence, Step, Visit } from './program.js';

/** How often a sequence is played to find a shorter one, and for how many milliseconds. */
const MOST_TRIALS = 400;
const MOST_TIME = 15_000;

/** The shortest sequence found that still differs: what can be left out is left out, and what can be simpler is. */
export async function shrink(sequence: Sequence, differs: (one: Sequence) => Promise<boolean>): Promise<Sequence> {
  let shortest = sequence;
  let trials = 0;
  const deadline = performance.now() + MOST_TIME;
  for (let isShorter = true; isShorter;) {
    isShorter = false;
    for (const candidate of simpler(shortest)) {
      if (!candidate.every(isDefined)) continue;
      if (++trials > MOST_TRIALS || performance.now() > deadline) return shortest;
      if (!(await differs(candidate))) continue;
      shortest = candidate;
      isShorter = true;
      break;
    }
  }
  return shortest;
}

/** Each a little simpler, the boldest first. */
function* simpler(sequence: Sequence): Generator<Sequence> {
  yield* without(sequence);
  for (const [index, group] of sequence.entries()) {
    for (const one of simplerGroups(group)) yield sequence.with(index, one);
  }
}

function* simplerGroups(group: Group): Generator<Group> {
  const { visits } = group;
  if (visits.length > 1) for (const fewer of without(visits)) yield { ...group, visits: fewer };
  for (const [index, visit] of visits.entries()) {
    for (const one of simplerVisits(visit)) yield { ...group, visits: visits.with(index, one) };
  }
}

function* simplerVisits(visit: Visit): Generator<Visit> {
  for (const steps of without(visit.steps)) yield { ...visit, steps };
  for (const before of without(visit.before)) yield { ...visit, before };
  if (visit.before.length > 0) yield { ...visit, before: [], steps: [...visit.before, ...visit.steps] };
  if (visit.isLate) yield { ...visit, isLate: false };
  const { by } = visit.answer;
  if (by !== 'return') {
    if (by !== 'json') yield { ...visit, answer: { by: 'return' } };
    const isPlain = by === 'json' && visit.answer.status === 200;
    if (!isPlain) yield { ...visit, answer: { by: 'json', status: 200 } };
  }
  for (const [index, step] of visit.steps.entries()) {
    for (const one of simplerSteps(step)) yield { ...visit, steps: visit.steps.with(index, one) };
  }
}

function* simplerSteps(step: Step): Generator<Step> {
  if (step.do === 'set' && step.value !== 1) yield { ...step, value: 1 };
  if (step.do === 'set' && step.key !== 'a') yield { ...step, key: 'a' };
  if (step.do === 'nested' && step.key !== 'a') yield { ...step, key: 'a' };
  if (step.do === 'call' && step.how === 'callback') yield { ...step, how: 'promise' };
}

function* without<Item>(items: readonly Item[]): Generator<Item[]> {
  for (const size of [Math.ceil(items.length / 2), 1]) {
    if (size === 0 || (size === 1 && items.length === 1)) {
      if (items.length === 1) yield [];
      return;
    }
    for (let from = items.length - size; from >= 0; from -= size) yield items.toSpliced(from, size);
  }
}
