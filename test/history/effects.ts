import type { History, Interval, Visit } from './history.js';
import type { SessionHistory, Sessions } from './sessions.js';
import type { Operation } from './operations.js';

/** Whether a change is in the session: for sure, not, perhaps; or was taken along by a login into a new one. */
export type Status = 'acknowledged' | 'refused' | 'dropped' | 'carried' | 'ambiguous';

/** A change that a request was to make, and where. An ambiguous one has no end: when it came about is not known. */
export interface Effect extends Interval {
  readonly visit: Visit;
  readonly step: number;
  readonly operation: Operation;
  readonly result: unknown;
  readonly status: Status;
  readonly session: SessionHistory;
  readonly epoch: number;
}

/** A moment in the life of a session, as far as the history tells. */
export interface Moment extends Interval {
  readonly epoch: number;
  readonly visit: Visit | null;
  readonly step: number;
}

/** When all clients have stopped. */
export const THE_END: Moment = { begin: Infinity, end: Infinity, epoch: Infinity, visit: null, step: 0 };

/** Every operation of every request, with what became of it. */
export function effectsOf(history: History, sessions: Sessions): Effect[] {
  const effects: Effect[] = [];
  for (const visit of history.visits) {
    const place = sessions.places.get(visit);
    if (place === undefined || place.session === null) continue;
    const { trace } = visit;
    const from = trace?.after?.from ?? Infinity;
    for (const [step, operation] of visit.operations.entries()) {
      const done = trace?.steps[step];
      // Never begun: the request failed before.
      if (trace !== null && done === undefined) break;
      const isAfter = step >= from && place.sessionAfter !== null;
      const status = statusOf(visit, done?.fate);
      effects.push({
        visit,
        step,
        operation,
        result: done?.result,
        status,
        session: isAfter ? (place.sessionAfter as SessionHistory) : place.session,
        epoch: isAfter ? place.epochAfter : place.epoch + (done?.fate === 'merged' ? 1 : 0),
        begin: visit.begin,
        end: status === 'ambiguous' ? Infinity : visit.end,
      });
    }
  }
  return effects;
}

function statusOf({ status }: Visit, fate: string = 'pending'): Status {
  if (fate === 'committed' || fate === 'merged') return 'acknowledged';
  if (fate === 'dropped' || fate === 'carried') return fate;
  if (status === 200) return 'acknowledged';
  return status === 401 ? 'refused' : 'ambiguous';
}

/** The numbers of the writes of an operation. */
export function writesOf(operation: Operation): readonly number[] {
  if (operation.kind === 'push') return operation.writes;
  return 'write' in operation ? [operation.write] : [];
}

/** Whether the one came about before the other for sure: a login parts all that was before from all that is after. */
export function happensBefore(one: Moment, other: Moment): boolean {
  if (one.visit !== null && one.visit === other.visit) return one.step < other.step;
  return one.epoch < other.epoch || (one.epoch === other.epoch && one.end < other.begin);
}

/**
 * Whether a look at the session at a moment must see the effect of something that came about before. Where processes keep
 * copies, that is what their own process did, and what they have heard of since.
 */
export function isKnown(history: History, one: Moment, at: Moment): boolean {
  if (!happensBefore(one, at)) return false;
  if (one.visit === null || at.visit === null || one.visit === at.visit || one.epoch < at.epoch) return true;
  return hasReached(history, { end: one.end, process: one.visit.process }, at.visit);
}

/** Whether what a process had done is known to whom another process serves. */
export function hasReached(
  { barriers }: History,
  done: Pick<Visit, 'end' | 'process'>,
  visit: Pick<Visit, 'begin' | 'process'>,
): boolean {
  if (barriers === null || done.process === visit.process) return true;
  return barriers.some(({ begin, end }) => done.end < begin && end < visit.begin);
}

/** Whether a change of one epoch can be seen in another of the same session: it comes later, with no flush between. */
export function isVisible(session: SessionHistory, from: number, to: number): boolean {
  return from <= to && session.epochs.every((epoch, index) => index <= from || index > to || !epoch.isFlushed);
}

/** Whether a change may have come about at all. */
export function mayBe({ status }: Effect): boolean {
  return status === 'acknowledged' || status === 'ambiguous';
}
