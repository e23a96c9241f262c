import { presence } from './bags.js';
import { type Effect, mayBe, type Moment, THE_END } from './effects.js';
import { clearsOf, type Facts } from './facts.js';
import type { Document, Row } from './history.js';
import type { Life } from './lineage.js';
import { parseTag } from './tag.js';

/** Somebody reads and takes messages. */
interface Taking {
  readonly effect: Effect;
  readonly shown: ReadonlySet<number>;
  /** Whether nothing in the same request had changed the messages before. */
  readonly isFirst: boolean;
  /** Whether it saw the session as it was stored, and not what a login in the same request had left of it. */
  readonly isWhole: boolean;
}

/** Every message is shown once, or waits; never twice to those who come one after the other. */
export function checkFlashes(facts: Facts): void {
  const rows = new Map(facts.history.rows.map((row) => [row.id, row]));
  for (const [life, effects] of facts.effectsIn) {
    const takings = takingsOf(facts, effects);
    const messages = effects.filter(({ operation }) => operation.kind === 'flash');
    const clears = clearsOf(effects, null);
    for (const taking of takings) {
      checkShown(facts, life, taking, takings, clears);
      if (taking.isFirst && taking.isWhole) checkMissing(facts, life, taking, takings, messages, clears);
    }
    const row = rows.get(life.id);
    if (row !== undefined && !life.isUncertain) checkWaiting(facts, life, row, takings, messages, clears);
  }
}

function takingsOf(facts: Facts, effects: readonly Effect[]): Taking[] {
  const takings: Taking[] = [];
  for (const effect of effects) {
    const { operation, result, visit, step } = effect;
    if (operation.kind !== 'flashes' || !Array.isArray(result)) continue;
    const earlier = visit.operations.slice(0, step);
    const isFirst = !earlier.some(({ kind }) => kind === 'flashes' || kind === 'clear');
    const isWhole = step < (visit.trace?.after?.from ?? Infinity);
    const writes = result.map((message) => parseTag(message)?.write ?? NaN);
    takings.push({ effect, shown: new Set(writes), isFirst, isWhole });
    if (new Set(writes).size < writes.length) facts.report('flash', 'a request was shown a message twice', visit);
  }
  return takings;
}

/** A request sees what it has loaded, also after a login into the same session, unless that flushed the data. */
function sightOf(facts: Facts, { effect, isWhole }: Taking): Moment {
  const { visit, epoch, life, step } = effect;
  const place = facts.lineage.places.get(visit);
  const isLoaded = isWhole || (place?.lifeAfter === place?.life && life.epochs[epoch]?.isFlushed !== true);
  return { begin: visit.begin, end: visit.end, epoch: isLoaded ? (place?.epoch ?? 0) : epoch, visit, step };
}

function checkShown(facts: Facts, life: Life, taking: Taking, takings: readonly Taking[], clears: Effect[]): void {
  const { visit, step } = taking.effect;
  const moment = sightOf(facts, taking);
  for (const write of taking.shown) {
    const message = facts.byWrite.get(write);
    const where = `in session ${life.id}`;
    if (message === undefined || !(message.life === life || life.ancestors.has(message.life.id))) {
      facts.report('foreign data', `message ${write} was shown ${where}, which it was not left in`, visit);
      continue;
    }
    const isOwn = message.visit === visit && message.step < step;
    if (!isOwn && !mayBe(message) && !(message.status === 'carried' && message.life !== life)) {
      facts.report('refused change', `message ${write} was ${message.status}, and yet shown`, visit, message.visit);
    } else if (!isOwn && message.life === life) {
      const is = presence(facts, life, { ...message, isSure: false }, clears, moment, facts.knows);
      if (is === 'not')
        facts.report('flash', `message ${write} cannot be there when it was shown`, visit, message.visit);
    }
    for (const other of takings) {
      if (other === taking || other.effect.status !== 'acknowledged' || !other.shown.has(write)) continue;
      if (facts.knows(other.effect, moment)) {
        facts.report(
          'flash',
          `message ${write} was shown twice ${where}, one after the other`,
          other.effect.visit,
          visit,
        );
      }
    }
  }
}

function checkMissing(
  facts: Facts,
  life: Life,
  taking: Taking,
  takings: readonly Taking[],
  messages: readonly Effect[],
  clears: readonly Effect[],
): void {
  const { visit, operation } = taking.effect;
  const moment = sightOf(facts, taking);
  const category = operation.kind === 'flashes' ? operation.category : null;
  for (const message of messages) {
    const write = writeOf(message);
    if (taking.shown.has(write) || message.status !== 'acknowledged' || message.visit === visit) continue;
    if (category !== null && category !== categoryOf(message)) continue;
    if (presence(facts, life, { ...message, isSure: true }, clears, moment, facts.knows) !== 'must') continue;
    if (takings.some((other) => other !== taking && other.shown.has(write) && mayTake(other))) continue;
    const text = `message ${write} of session ${life.id} was waiting, and was not shown`;
    facts.report('flash', text, message.visit, visit);
  }
}

function checkWaiting(
  facts: Facts,
  life: Life,
  row: Row,
  takings: readonly Taking[],
  messages: readonly Effect[],
  clears: readonly Effect[],
): void {
  const waiting = waitingIn(row.data);
  const end = { ...THE_END, epoch: life.epochs.length - 1 };
  for (const write of waiting) {
    const message = facts.byWrite.get(write);
    const isTaken = takings.find(({ effect, shown }) => effect.status === 'acknowledged' && shown.has(write));
    if (message === undefined || !(message.life === life || life.ancestors.has(message.life.id))) {
      facts.report('foreign data', `message ${write} waits in session ${life.id}, which it was not left in`);
    } else if (!mayBe(message) && message.status !== 'carried') {
      facts.report('refused change', `message ${write} was ${message.status}, and yet waits`, message.visit);
    } else if (
      message.life === life &&
      presence(facts, life, { ...message, isSure: true }, clears, end, facts.knows) === 'not'
    ) {
      facts.report('flash', `message ${write} cannot be there at the end`, message.visit);
    } else if (isTaken !== undefined) {
      facts.report('flash', `message ${write} was shown, and still waits`, message.visit, isTaken.effect.visit);
    }
  }
  for (const message of messages) {
    const write = writeOf(message);
    if (message.status !== 'acknowledged' || waiting.has(write)) continue;
    if (presence(facts, life, { ...message, isSure: true }, clears, end, facts.knows) !== 'must') continue;
    if (takings.some((taking) => taking.shown.has(write) && mayTake(taking))) continue;
    facts.report('flash', `message ${write} of session ${life.id} was never shown, and waits no more`, message.visit);
  }
}

function mayTake({ effect }: Taking): boolean {
  return mayBe(effect);
}

/** The messages in stored data, however they are kept there. */
export function waitingIn(data: Document): Set<number> {
  const reserved = Object.entries(data).filter(([key]) => key.startsWith('$'));
  const messages = reserved.flatMap(([, value]) => value) as { message?: unknown }[];
  return new Set(messages.map(({ message }) => parseTag(message)?.write ?? NaN));
}

function writeOf({ operation }: Effect): number {
  return operation.kind === 'flash' ? operation.write : NaN;
}

function categoryOf({ operation }: Effect): string | null {
  return operation.kind === 'flash' ? operation.category : null;
}
