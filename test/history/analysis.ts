import type { Document, History, Rule, Violation, Visit } from './history.js';
import { type Effect, effectsOf, isKnown, mayBe, type Moment, THE_END, writesOf } from './effects.js';
import { type SessionHistory, type Sessions, followSessions } from './sessions.js';

/** The data of a session as a request read it. */
export interface Read {
  readonly session: SessionHistory;
  readonly moment: Moment;
  readonly data: Document;
  /** Keys that this request had changed itself by then: what others did to them cannot be told. */
  readonly own: ReadonlySet<string>;
  readonly visits: readonly Visit[];
}

/** All that the checks work on. */
export interface Analysis {
  readonly history: History;
  readonly sessions: Sessions;
  readonly effects: readonly Effect[];
  readonly effectsIn: ReadonlyMap<SessionHistory, readonly Effect[]>;
  readonly byWrite: ReadonlyMap<number, Effect>;
  readonly reads: readonly Read[];
  /** Whether a look at a session at a moment must see the effect of something. */
  readonly knows: (one: Moment, at: Moment) => boolean;
  report(rule: Rule, message: string, ...visits: (Visit | null)[]): void;
  readonly violations: readonly Violation[];
}

export function analyse(history: History): Analysis {
  const sessions = followSessions(history);
  const effects = effectsOf(history, sessions);
  const byWrite = new Map<number, Effect>();
  for (const effect of effects) for (const write of writesOf(effect.operation)) byWrite.set(write, effect);
  const violations: Violation[] = [...sessions.violations];
  return {
    history,
    sessions,
    effects,
    effectsIn: Map.groupBy(effects, ({ session }) => session),
    byWrite,
    reads: [...readsOfVisits(effects, sessions), ...finalReads(history, sessions)],
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

function* readsOfVisits(effects: readonly Effect[], sessions: Sessions): Generator<Read> {
  for (const [visit, own] of Map.groupBy(effects, (effect) => effect.visit)) {
    const touched = new Set<string>();
    const { after = null, base = null } = visit.trace ?? {};
    for (const effect of own) {
      const { operation, session, step, result } = effect;
      // After a login the request still sees what it had loaded before, or nothing at all: not the session as it is.
      if (after !== null && step >= after.from) break;
      if (operation.kind === 'clear') for (const key of (result as string[] | undefined) ?? []) touched.add(key);
      if (operation.kind === 'read' && result !== undefined) {
        const epoch = sessions.places.get(visit)?.epoch ?? 0;
        yield {
          session,
          moment: momentOf(visit, epoch),
          data: result as Document,
          own: new Set(touched),
          visits: [visit],
        };
      }
      for (const key of keysOf(effect)) touched.add(key);
    }
    const place = sessions.places.get(visit);
    if (base !== null && place !== undefined && place.session !== null) {
      const moment = momentOf(visit, place.epoch);
      yield { session: place.session, moment, data: base, own: touched, visits: [visit] };
    }
  }
}

function* finalReads({ rows }: History, { byId }: Sessions): Generator<Read> {
  for (const { id, data } of rows) {
    const session = byId.get(id);
    // After a login that was never answered whose data it should be is not known.
    if (session === undefined || session.isIndeterminate) continue;
    const moment = { ...THE_END, epoch: session.epochs.length - 1 };
    yield { session, moment, data, own: new Set(), visits: [] };
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
