import { type Effect, isBefore, isVisible, mayBe, type Moment } from './effects.js';
import { clearsOf, type Facts, type Sight } from './facts.js';
import type { Life } from './lineage.js';
import { BOXES, REGISTERS } from './operations.js';
import { parseTag } from './tag.js';

/** A value that a key took, or was seen to have; `null`: absent. */
interface Turn extends Moment {
  readonly value: number | null;
  /** Whether it did for sure. */
  readonly isSure: boolean;
  readonly isWrite: boolean;
}

/**
 * No acknowledged write is lost: whatever a key holds must be the value of a write that nothing is known to have
 * followed. Known is what began after that write had been answered, and was answered before the key was looked at.
 */
export function checkRegisters(facts: Facts): void {
  const sightsIn = Map.groupBy(facts.sights, ({ life }) => life);
  for (const [life, sights] of sightsIn) {
    const effects = facts.effectsIn.get(life) ?? [];
    for (const key of [...REGISTERS, ...BOXES]) {
      const seen = sights.filter(({ own }) => !own.has(key));
      const turns = [...writesTo(effects, key), ...seen.map((sight) => turnOf(sight, key))];
      for (const sight of seen) checkSight(facts, life, key, sight, turns);
    }
  }
}

function checkSight(facts: Facts, life: Life, key: string, sight: Sight, turns: readonly Turn[]): void {
  const { moment } = sight;
  const value = valueOf(sight.data[key]);
  const known = turns.filter((turn) => isVisible(life, turn.epoch, moment.epoch));
  const others = known.filter((turn) => turn.isSure && turn.value !== value && facts.knows(turn, moment));
  // What is seen may be older than the moment of the look.
  const isFollowed = (source: Moment, by: Turn): boolean =>
    by.isWrite ? isBefore(source, by) : facts.knows(source, by);
  const isLast = (source: Moment): boolean => !others.some((other) => isFollowed(source, other));
  const sources = known.filter((turn) => turn.isWrite && turn.value === value && turn.begin < moment.end);
  if (sources.some(isLast)) return;
  const isFirst = life.epochs.every(({ isFlushed }, index) => index > moment.epoch || !isFlushed);
  const initial = isFirst ? valueOf(life.base[key]) : null;
  if (value === initial && others.length === 0) return;

  const last = others.toSorted((one, other) => one.epoch - other.epoch || one.begin - other.begin).at(-1);
  const own = value === null ? undefined : facts.byWrite.get(value);
  const what = value === null ? 'is absent' : `holds write ${value}`;
  const instead = last === undefined ? '' : `, although ${nameOf(last)} came after anything that could explain it`;
  const status = own !== undefined && !mayBe(own) ? `, which was ${own.status}` : '';
  const rule = status === '' ? 'lost change' : 'refused change';
  const visits = [...sight.visits, own?.visit ?? null, last?.visit ?? null];
  facts.report(rule, `${key} of session ${life.id} ${what}${status}${instead}`, ...visits);
}

function nameOf({ value, isWrite }: Turn): string {
  const what = value === null ? 'its removal' : `write ${value}`;
  return isWrite ? what : `a sight of ${what}`;
}

function writesTo(effects: readonly Effect[], key: string): Turn[] {
  const turns: Turn[] = [];
  const turn = (effect: Effect, value: number | null): number =>
    turns.push({ ...effect, value, isSure: effect.status === 'acknowledged', isWrite: true });
  for (const effect of effects) {
    const { operation } = effect;
    if (!mayBe(effect) || !('key' in operation) || operation.key !== key) continue;
    if (operation.kind !== 'unset') turn(effect, operation.write);
    // To remove what was not there is no change.
    else if (effect.result !== false) turn(effect, null);
  }
  for (const clear of clearsOf(effects, key)) turn(clear, null);
  return turns;
}

function turnOf({ moment, data }: Sight, key: string): Turn {
  return { ...moment, value: valueOf(data[key]), isSure: true, isWrite: false };
}

/** The number of the write that a value comes from. */
function valueOf(value: unknown): number | null {
  if (value === undefined) return null;
  return parseTag(typeof value === 'object' ? (value as { tag?: unknown } | null)?.tag : value)?.write ?? NaN;
}
