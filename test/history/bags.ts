import { type Effect, isBefore, isVisible, mayBe, type Moment } from './effects.js';
import { clearsOf, type Facts, type Sight } from './facts.js';
import type { Life } from './lineage.js';
import { parseTag } from './tag.js';

/** Something that was added to a counter or a list. */
interface Item {
  readonly effect: Effect | null;
  readonly moment: Moment;
  readonly isSure: boolean;
  readonly by: number;
  readonly write: number | null;
}

/**
 * Whether something that was added must be there at a moment, may be there, or must not. It must if it was answered
 * before, unless a removal may have come between; it must not if a removal came between for sure.
 *
 * @param isRemoved whether a removal takes away what was there: a key as a whole, whatever it holds by then
 */
export function presence(
  facts: Facts,
  life: Life,
  item: Moment & { readonly isSure: boolean },
  removals: readonly Effect[],
  at: Moment,
  isRemoved: (item: Moment, by: Moment) => boolean = isBefore,
): 'must' | 'may' | 'not' {
  if (!isVisible(life, item.epoch, at.epoch) || item.begin >= at.end) return 'not';
  let must = item.isSure && facts.knows(item, at);
  for (const removal of removals) {
    if (!isVisible(life, removal.epoch, at.epoch) || removal.visit === at.visit) continue;
    const isSure = removal.status === 'acknowledged';
    if (isSure && isRemoved(item, removal) && facts.knows(removal, at)) return 'not';
    if (!isBefore(removal, item) && removal.begin < at.end) must = false;
  }
  return must ? 'must' : 'may';
}

/** Counters add up, and every item pushed is in its list exactly once, in order. */
export function checkBags(facts: Facts): void {
  const exact = new Map<Life, Map<string, { items: Item[]; clears: Effect[] }>>();
  for (const sight of facts.sights) {
    const { life } = sight;
    let bags = exact.get(life);
    if (bags === undefined) {
      const effects = facts.effectsIn.get(life) ?? [];
      bags = new Map(
        ['count', 'ticket', 'list'].map((key) => [
          key,
          { items: itemsOf(facts, life, effects, key), clears: clearsOf(effects, key) },
        ]),
      );
      exact.set(life, bags);
    }
    for (const [key, { items, clears }] of bags) {
      if (sight.own.has(key)) continue;
      if (key === 'list') checkList(facts, sight, items, clears);
      else checkCounter(facts, sight, key, items, clears);
    }
  }
  for (const [life, effects] of facts.effectsIn) checkTickets(facts, life, effects);
}

function checkCounter(
  facts: Facts,
  sight: Sight,
  key: string,
  items: readonly Item[],
  clears: readonly Effect[],
): void {
  const { life, moment } = sight;
  const value = sight.data[key] ?? 0;
  let least = 0;
  let most = 0;
  for (const item of items) {
    const is = presence(facts, life, { ...item.moment, isSure: item.isSure }, clears, moment);
    if (is === 'must') least += item.by;
    if (is !== 'not') most += item.by;
  }
  if (typeof value === 'number' && value >= least && value <= most) return;
  const expected = least === most ? String(least) : `${least} to ${most}`;
  const near = items.filter(({ effect }) => effect !== null).slice(-3);
  facts.report(
    'counter',
    `${key} of session ${life.id} is ${JSON.stringify(value)}, but what was acknowledged adds up to ${expected}`,
    ...sight.visits,
    ...near.map(({ effect }) => effect?.visit ?? null),
  );
}

function checkList(facts: Facts, sight: Sight, items: readonly Item[], clears: readonly Effect[]): void {
  const { life, moment } = sight;
  const list = sight.data['list'] ?? [];
  const name = `the list of session ${life.id}`;
  const report = (message: string, item: Item | undefined): void =>
    facts.report('list', message, ...sight.visits, item?.effect?.visit ?? null);
  if (!Array.isArray(list)) return report(`${name} is no list`, undefined);

  const byWrite = new Map(items.map((item) => [item.write, item]));
  const found = new Set<number>();
  let last: Item | undefined;
  for (const value of list) {
    const write = parseTag(value)?.write ?? NaN;
    const item = byWrite.get(write);
    if (found.has(write)) report(`${name} has write ${write} twice`, item);
    found.add(write);
    if (
      item === undefined ||
      presence(facts, life, { ...item.moment, isSure: item.isSure }, clears, moment) === 'not'
    ) {
      const effect = item?.effect ?? facts.byWrite.get(write);
      const rule = effect !== undefined && !mayBe(effect) ? 'refused change' : 'list';
      const status = effect === undefined ? 'which nobody made there' : `which was ${effect.status}, and cannot be`;
      facts.report(rule, `${name} has write ${write}, ${status}`, ...sight.visits, effect?.visit ?? null);
      continue;
    }
    if (last !== undefined && isBefore(item.moment, last.moment)) {
      report(`${name} has write ${String(item.write)} after ${String(last.write)}, which was pushed later`, item);
    }
    // The latest so far: nothing that was answered before it began may follow.
    if (last === undefined || !isLater(last.moment, item.moment)) last = item;
  }
  for (const item of items) {
    if (item.write === null || found.has(item.write)) continue;
    if (presence(facts, life, { ...item.moment, isSure: item.isSure }, clears, moment) !== 'must') continue;
    report(`${name} lacks write ${item.write}, which was acknowledged`, item);
  }
}

function isLater(one: Moment, other: Moment): boolean {
  return one.epoch > other.epoch || (one.epoch === other.epoch && one.begin > other.begin);
}

/** What `update(fn)` saw: no two of a session the same, and those one after the other in order. */
function checkTickets(facts: Facts, life: Life, effects: readonly Effect[]): void {
  const updates = effects.filter(({ operation, result }) => operation.kind === 'update' && typeof result === 'number');
  const clears = clearsOf(effects, 'ticket');
  const groups = Map.groupBy(updates, ({ epoch }) => lastFlush(life, epoch));
  for (const group of groups.values()) {
    if (clears.some(({ epoch }) => lastFlush(life, epoch) === lastFlush(life, group[0]?.epoch ?? 0))) continue;
    const sorted = group.toSorted((one, other) => Number(one.result) - Number(other.result));
    let latest: Effect | undefined;
    for (const [index, update] of sorted.entries()) {
      const before = sorted[index - 1];
      const where = `of session ${life.id}`;
      if (before !== undefined && before.result === update.result) {
        facts.report(
          'counter',
          `two updates ${where} both made it ${String(update.result)}`,
          before.visit,
          update.visit,
        );
      }
      if (latest !== undefined && isBefore(update, latest)) {
        const message = `an update ${where} came before another, but counted after it`;
        facts.report('counter', message, update.visit, latest.visit);
      }
      if (latest === undefined || !isLater(latest, update)) latest = update;
    }
  }
}

function lastFlush(life: Life, epoch: number): number {
  return life.epochs.findLastIndex(({ isFlushed }, index) => index <= epoch && isFlushed);
}

function itemsOf(facts: Facts, life: Life, effects: readonly Effect[], key: string): Item[] {
  const items: Item[] = [];
  const birth = life.epochs[0]?.start;
  const first: Moment = { begin: birth?.begin ?? 0, end: birth?.begin ?? 0, epoch: 0, visit: null, step: -1 };
  const base = life.base[key];
  if (typeof base === 'number') items.push({ effect: null, moment: first, isSure: true, by: base, write: null });
  if (Array.isArray(base)) {
    for (const [step, value] of base.entries()) {
      const write = parseTag(value)?.write ?? NaN;
      const effect = facts.byWrite.get(write) ?? null;
      items.push({ effect, moment: { ...first, visit: birth ?? null, step: step - 1e6 }, isSure: true, by: 1, write });
    }
  }
  for (const effect of effects) {
    const { operation } = effect;
    if (!mayBe(effect)) continue;
    const isSure = effect.status === 'acknowledged';
    const is = operation.kind;
    if (key === 'list' && is === 'push') {
      for (const [index, write] of operation.writes.entries()) {
        const moment = { ...effect, step: effect.step + index / 100 };
        items.push({ effect, moment, isSure, by: 1, write });
      }
    } else if ((key === 'count' && is === 'increment') || is === 'update') {
      if (key !== 'list')
        items.push({ effect, moment: effect, isSure, by: key === 'ticket' ? 1 : operation.by, write: null });
    }
  }
  return items;
}
