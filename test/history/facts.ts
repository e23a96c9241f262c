import type { Document, History, Rule, Violation, Visit } from './history.js';
import { type Effect, effectsOf, isKnown, mayBe, type Moment, THE_END, writesOf } from './effects.js';
import { type Life, type Lineage, lineageOf } from './lineage.js';

/** The data of a session as somebody saw it. */
export interface Sight {
  readonly life: Life;
  readonly moment: Moment;
  readonly data: Document;
  /** Keys that this request had changed itself by then: what others did to them cannot be told. */
  readonly own: ReadonlySet<string>;
  readonly visits: readonly Visit[];
}

/** All that the checks work on. */
export interface Facts {
  readonly history: History;
  readonly lineage: Lineage;
  readonly effects: readonly Effect[];
  readonly effectsIn: ReadonlyMap<Life, readonly Effect[]>;
  readonly byWrite: ReadonlyMap<number, Effect>;
  readonly sights: readonly Sight[];
  /** Whether whoever looks at a session at a moment must know of something. */
  readonly knows: (one: Moment, at: Moment) => boolean;
  report(rule: Rule, message: string, ...visits: (Visit | null)[]): void;
  readonly violations: readonly Violation[];
}

export function factsOf(history: History): Facts {
  const lineage = lineageOf(history);
  const effects = effectsOf(history, lineage);
  const byWrite = new Map<number, Effect>();
  for (const effect of effects) for (const write of writesOf(effect.operation)) byWrite.set(write, effect);
  const violations: Violation[] = [...lineage.violations];
  return {
    history,
    lineage,
    effects,
    effectsIn: Map.groupBy(effects, ({ life }) => life),
    byWrite,
    sights: [...seenByVisits(effects, lineage), ...seenAtTheEnd(history, lineage)],
    violations,
    knows: (one, at) => isKnown(history, one, at),
    report: (rule, message, ...visits) =>
      violations.push({ rule, message, visits: visits.filter((visit) => visit !== null) }),
  };
}

/** The key, or `undefined` for all keys, that an operation changes. */
export function keysOf({ operation }: Effect): readonly string[] {
  switch (operation.kind) {
    case 'set':
    case 'unset':
    case 'mutate':
      return [operation.key];
    case 'increment':
      return ['count'];
    case 'update':
      return ['count', 'ticket'];
    case 'push':
      return ['list'];
    default:
      return [];
  }
}

function* seenByVisits(effects: readonly Effect[], lineage: Lineage): Generator<Sight> {
  for (const [visit, own] of Map.groupBy(effects, (effect) => effect.visit)) {
    const touched = new Set<string>();
    const { after = null, base = null } = visit.trace ?? {};
    for (const effect of own) {
      const { operation, life, step, result } = effect;
      // After a login the request still sees what it had loaded before, or nothing at all: not the session as it is.
      if (after !== null && step >= after.from) break;
      if (operation.kind === 'clear') for (const key of (result as string[] | undefined) ?? []) touched.add(key);
      if (operation.kind === 'read' && result !== undefined) {
        const epoch = lineage.places.get(visit)?.epoch ?? 0;
        yield {
          life,
          moment: momentOf(visit, epoch),
          data: result as Document,
          own: new Set(touched),
          visits: [visit],
        };
      }
      for (const key of keysOf(effect)) touched.add(key);
    }
    const place = lineage.places.get(visit);
    if (base !== null && place !== undefined && place.life !== null) {
      const moment = momentOf(visit, place.epoch);
      yield { life: place.life, moment, data: base, own: touched, visits: [visit] };
    }
  }
}

function* seenAtTheEnd({ rows }: History, { lives }: Lineage): Generator<Sight> {
  for (const { id, data } of rows) {
    const life = lives.get(id);
    // After a login that was never answered nobody knows whose data it should be.
    if (life === undefined || life.isUncertain) continue;
    const moment = { ...THE_END, epoch: life.epochs.length - 1 };
    yield { life, moment, data, own: new Set(), visits: [] };
  }
}

/** When a request loaded its session: it is compared with what others did only. */
function momentOf(visit: Visit, epoch: number): Moment {
  return { begin: visit.begin, end: visit.end, epoch, visit, step: -1 };
}

/** The clears of a session that removed a key, or may have; without a key: flash messages. */
export function clearsOf(effects: readonly Effect[], key: string | null): Effect[] {
  return effects.filter(
    (effect) =>
      effect.operation.kind === 'clear' &&
      mayBe(effect) &&
      (key === null || effect.result === undefined || (effect.result as string[]).includes(key)),
  );
}
