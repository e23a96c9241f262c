import { type Effect, happensBefore, isVisible, mayBe, type Moment } from './effects.js';
import { clearsOf, type Analysis, type Read } from './analysis.js';
import type { SessionHistory } from './sessions.js';
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
  analysis: Analysis,
  session: SessionHistory,
  item: Moment & { readonly isSure: boolean },
  removals: readonly Effect[],
  at: Moment,
  isRemoved: (item: Moment, by: Moment) => boolean = happensBefore,
): 'must' | 'may' | 'not' {
  if (!isVisible(session, item.epoch, at.epoch) || item.begin >= at.end) return 'not';
  let must = item.isSure && analysis.knows(item, at);
  for (const removal of removals) {
    if (!isVisible(session, removal.epoch, at.epoch) || removal.visit === at.visit) continue;
    const isSure = removal.status === 'acknowledged';
    if (isSure && isRemoved(item, removal) && analysis.knows(removal, at)) return 'not';
    if (!happensBefore(removal, item) && removal.begin < at.end) must = false;
  }
  return must ? 'must' : 'may';
}

/** Counters add up, and every item pushed is in its list exactly once, in order. */
export function checkCountersAndLists(analysis: Analysis): void {
  const exact = new Map<SessionHistory, Map<string, { items: Item[]; clears: Effect[] }>>();
  for (const read of analysis.reads) {
    const { session } = read;
    let additions = exact.get(session);
    if (additions === undefined) {
      const effects = analysis.effectsIn.get(session) ?? [];
      additions = new Map(
        ['count', 'ticket', 'list'].map((key) => [
          key,
          { items: itemsOf(analysis, session, effects, key), clears: clearsOf(effects, key) },
        ]),
      );
      exact.set(session, additions);
    }
    for (const [key, { items, clears }] of additions) {
      if (read.own.has(key)) continue;
      if (key === 'list') checkList(analysis, read, items, clears);
      else checkCounter(analysis, read, key, items, clears);
    }
  }
  for (const [session, effects] of analysis.effectsIn) checkTickets(analysis, session, effects);
}

function checkCounter(
  analysis: Analysis,
  read: Read,
  key: string,
  items: readonly Item[],
  clears: readonly Effect[],
): void {
  const { session, moment } = read;
  const value = read.data[key] ?? 0;
  let least = 0;
  let most = 0;
  for (const item of items) {
    const is = presence(analysis, session, { ...item.moment, isSure: item.isSure }, clears, moment);
    if (is === 'must') least += item.by;
    if (is !== 'not') most += item.by;
  }
  if (typeof value === 'number' && value >= least && value <= most) return;
  const expected = least === most ? String(least) : `${least} to ${most}`;
  const near = items.filter(({ effect }) => effect !== null).slice(-3);
  analysis.report(
    'counter',
    `${key} of session ${session.id} is ${JSON.stringify(value)}, but what was acknowledged adds up to ${expected}`,
    ...read.visits,
    ...near.map(({ effect }) => effect?.visit ?? null),
  );
}

function checkList(analysis: Analysis, read: Read, items: readonly Item[], clears: readonly Effect[]): void {
  const { session, moment } = read;
  const list = read.data['list'] ?? [];
  const name = `the list of session ${session.id}`;
  const report = (message: string, item: Item | undefined): void =>
    analysis.report('list', message, ...read.visits, item?.effect?.visit ?? null);
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
      presence(analysis, session, { ...item.moment, isSure: item.isSure }, clears, moment) === 'not'
    ) {
      const effect = item?.effect ?? analysis.byWrite.get(write);
      const rule = effect !== undefined && !mayBe(effect) ? 'refused change' : 'list';
      const status = effect === undefined ? 'which no request made there' : `which was ${effect.status}, and cannot be`;
      analysis.report(rule, `${name} has write ${write}, ${status}`, ...read.visits, effect?.visit ?? null);
      continue;
    }
    if (last !== undefined && happensBefore(item.moment, last.moment)) {
      report(`${name} has write ${String(item.write)} after ${String(last.write)}, which was pushed later`, item);
    }
    // The latest so far: nothing that was answered before it began may follow.
    if (last === undefined || !isLater(last.moment, item.moment)) last = item;
  }
  for (const item of items) {
    if (item.write === null || found.has(item.write)) continue;
    if (presence(analysis, session, { ...item.moment, isSure: item.isSure }, clears, moment) !== 'must') continue;
    report(`${name} lacks write ${item.write}, which was acknowledged`, item);
  }
}

function isLater(one: Moment, other: Moment): boolean {
  return one.epoch > other.epoch || (one.epoch === other.epoch && one.begin > other.begin);
}

/** What `update(fn)` saw: no two of a session the same, and those one after the other in order. */
function checkTickets(analysis: Analysis, session: SessionHistory, effects: readonly Effect[]): void {
  const updates = effects.filter(({ operation, result }) => operation.kind === 'update' && typeof result === 'number');
  const clears = clearsOf(effects, 'ticket');
  const groups = Map.groupBy(updates, ({ epoch }) => lastFlush(session, epoch));
  for (const group of groups.values()) {
    if (clears.some(({ epoch }) => lastFlush(session, epoch) === lastFlush(session, group[0]?.epoch ?? 0))) continue;
    const sorted = group.toSorted((one, other) => Number(one.result) - Number(other.result));
    let latest: Effect | undefined;
    for (const [index, update] of sorted.entries()) {
      const before = sorted[index - 1];
      const where = `of session ${session.id}`;
      if (before !== undefined && before.result === update.result) {
        analysis.report(
          'counter',
          `two updates ${where} both made it ${String(update.result)}`,
          before.visit,
          update.visit,
        );
      }
      if (latest !== undefined && happensBefore(update, latest)) {
        const message = `an update ${where} came before another, but counted after it`;
        analysis.report('counter', message, update.visit, latest.visit);
      }
      if (latest === undefined || !isLater(latest, update)) latest = update;
    }
  }
}

function lastFlush(session: SessionHistory, epoch: number): number {
  return session.epochs.findLastIndex(({ isFlushed }, index) => index <= epoch && isFlushed);
}

function itemsOf(analysis: Analysis, session: SessionHistory, effects: readonly Effect[], key: string): Item[] {
  const items: Item[] = [];
  const birth = session.epochs[0]?.start;
  const first: Moment = { begin: birth?.begin ?? 0, end: birth?.begin ?? 0, epoch: 0, visit: null, step: -1 };
  const base = session.base[key];
  if (typeof base === 'number') items.push({ effect: null, moment: first, isSure: true, by: base, write: null });
  if (Array.isArray(base)) {
    for (const [step, value] of base.entries()) {
      const write = parseTag(value)?.write ?? NaN;
      const effect = analysis.byWrite.get(write) ?? null;
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
