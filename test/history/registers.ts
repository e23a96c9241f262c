import { type Effect, happensBefore, isVisible, mayBe, type Moment } from './effects.js';
import { clearsOf, type Analysis, type Read } from './analysis.js';
import type { SessionHistory } from './sessions.js';
import { BOXES, REGISTERS } from './operations.js';
import { parseTag } from './tag.js';

/** A value that a key took, or was seen to have; `null`: absent. */
interface RegisterEvent extends Moment {
  readonly value: number | null;
  /** Whether it did for sure. */
  readonly isSure: boolean;
  readonly isWrite: boolean;
}

/**
 * No acknowledged write is lost: whatever a key holds must be the value of a write that nothing is known to have
 * followed. Known is what began after that write had been answered, and was answered before the key was looked at.
 */
export function checkRegisters(analysis: Analysis): void {
  const readsIn = Map.groupBy(analysis.reads, ({ session }) => session);
  for (const [session, reads] of readsIn) {
    const effects = analysis.effectsIn.get(session) ?? [];
    for (const key of [...REGISTERS, ...BOXES]) {
      const seen = reads.filter(({ own }) => !own.has(key));
      const events = [...writesTo(effects, key), ...seen.map((read) => eventOf(read, key))];
      for (const read of seen) checkRead(analysis, session, key, read, events);
    }
  }
}

function checkRead(
  analysis: Analysis,
  session: SessionHistory,
  key: string,
  read: Read,
  events: readonly RegisterEvent[],
): void {
  const { moment } = read;
  const value = valueOf(read.data[key]);
  const known = events.filter((event) => isVisible(session, event.epoch, moment.epoch));
  const others = known.filter((event) => event.isSure && event.value !== value && analysis.knows(event, moment));
  // What is seen may be older than the moment of the look.
  const isFollowed = (source: Moment, by: RegisterEvent): boolean =>
    by.isWrite ? happensBefore(source, by) : analysis.knows(source, by);
  const isLast = (source: Moment): boolean => !others.some((other) => isFollowed(source, other));
  const sources = known.filter((event) => event.isWrite && event.value === value && event.begin < moment.end);
  if (sources.some(isLast)) return;
  const isFirst = session.epochs.every(({ isFlushed }, index) => index > moment.epoch || !isFlushed);
  const initial = isFirst ? valueOf(session.base[key]) : null;
  if (value === initial && others.length === 0) return;

  const last = others.toSorted((one, other) => one.epoch - other.epoch || one.begin - other.begin).at(-1);
  const own = value === null ? undefined : analysis.byWrite.get(value);
  const what = value === null ? 'is absent' : `holds write ${value}`;
  const instead = last === undefined ? '' : `, although ${nameOf(last)} came after anything that could explain it`;
  const status = own !== undefined && !mayBe(own) ? `, which was ${own.status}` : '';
  const rule = status === '' ? 'lost change' : 'refused change';
  const visits = [...read.visits, own?.visit ?? null, last?.visit ?? null];
  analysis.report(rule, `${key} of session ${session.id} ${what}${status}${instead}`, ...visits);
}

function nameOf({ value, isWrite }: RegisterEvent): string {
  const what = value === null ? 'its removal' : `write ${value}`;
  return isWrite ? what : `a read of ${what}`;
}

function writesTo(effects: readonly Effect[], key: string): RegisterEvent[] {
  const events: RegisterEvent[] = [];
  const event = (effect: Effect, value: number | null): number =>
    events.push({ ...effect, value, isSure: effect.status === 'acknowledged', isWrite: true });
  for (const effect of effects) {
    const { operation } = effect;
    if (!mayBe(effect) || !('key' in operation) || operation.key !== key) continue;
    if (operation.kind !== 'unset') event(effect, operation.write);
    // To remove what was not there is no change.
    else if (effect.result !== false) event(effect, null);
  }
  for (const clear of clearsOf(effects, key)) event(clear, null);
  return events;
}

function eventOf({ moment, data }: Read, key: string): RegisterEvent {
  return { ...moment, value: valueOf(data[key]), isSure: true, isWrite: false };
}

/** The number of the write that a value comes from. */
function valueOf(value: unknown): number | null {
  if (value === undefined) return null;
  return parseTag(typeof value === 'object' ? (value as { tag?: unknown } | null)?.tag : value)?.write ?? NaN;
}
