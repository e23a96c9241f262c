import { type Group, made, type Step, type Visit } from './program.js';

const LOOKS: ReadonlySet<Step['do']> = new Set([
  'read',
  'keys',
  'has',
  'user',
  'id',
  'touch',
  'prototype',
  'cookie',
  'pause',
]);

/** Whether it leaves the session as it is. */
export const isLook = (step: Step): boolean =>
  step.do === 'hold' || LOOKS.has(step.do) || (step.do === 'call' && step.call.op === 'reload' && step.how !== 'apart');

/** Whether it ends the session, or gives it another id. */
export const isEnding = (step: Step): boolean =>
  isUnset(step) || (step.do === 'call' && step.call.op !== 'save' && step.call.op !== 'reload');

const isUnset = (step: Step): boolean => step.do === 'unset';

/** Whether nobody waits until it has ended the session: when others see that is chance. */
const isLooseEnding = (step: Step): boolean =>
  step.do === 'call' && isEnding(step) && (step.how === 'apart' || step.how === 'bare');

/**
 * Whether other requests at the same time see a difference by design: a session that is unset ends at once here, and with
 * the response there, where each request, whatever it does, writes the lifetime that it knows; and when they see an end
 * that is not waited for is chance.
 */
export const isForOneAlone = (step: Step): boolean => isUnset(step) || step.do === 'maxAge' || isLooseEnding(step);

/** Whether what a save takes that is not waited for is seen: it takes what is there when it begins, which may be gone by then. */
export function showsLooseSave(visit: Visit): boolean {
  const { answer } = visit;
  const steps = stepsOf(visit);
  const first = steps.findIndex(isLooseSave);
  if (first < 0) return false;
  const isDropped = ('status' in answer && answer.status >= 500) || reloads(visit);
  return isDropped || steps.slice(first).some(mayEmpty);
}

/** Whether there may be nothing to store after it, where there was something before. */
function mayEmpty(step: Step): boolean {
  if (step.do === 'set') return JSON.stringify(made(step.value)) === undefined;
  return step.do === 'delete' || step.do === 'flashes';
}

const reloads = (visit: Visit): boolean =>
  stepsOf(visit).some((step) => step.do === 'call' && step.call.op === 'reload');

/** Whether it is a save that is not waited for. */
export const isLooseSave = (step: Step): boolean =>
  step.do === 'call' && step.call.op === 'save' && (step.how === 'apart' || step.how === 'bare');

/** Whether what express-session makes of requests at the same time is what anybody would want: none undoes another's. */
export function isDefined({ visits, isReleasedInTurn }: Group): boolean {
  if (visits.some(showsLooseSave)) return false;
  if (visits.length > 1 && visits.some((visit) => stepsOf(visit).some(isForOneAlone))) return false;
  const writers = visits.filter((visit) => visit.isLate || !stepsOf(visit).every(isLook));
  if (writers.length === 0) return true;
  // Where all that were held go on at once, nobody knows what a reload finds.
  const isRace = !isReleasedInTurn && writers[0] !== visits.at(-1) && visits.some(reloads);
  if (writers.length === 1) return !isRace;
  const [second, first] = writers as [Visit, Visit];
  if (writers.length > 2 || first !== visits.at(-1) || !isReleasedInTurn) return false;
  return !stepsOf(first).some(isEnding) && takesOver(stepsOf(second));
}

/** Whether it waits for the other one, and goes on from what that one has stored. */
function takesOver(steps: readonly Step[]): boolean {
  const at = steps.findIndex((step) => !LOOKS.has(step.do));
  const [hold, reload] = steps.slice(at);
  const isReload = reload?.do === 'call' && reload.call.op === 'reload' && reload.how === 'promise';
  return hold?.do === 'hold' && isReload && !steps.some(isEnding);
}

const stepsOf = ({ before, steps }: Visit): readonly Step[] => [...before, ...steps];
