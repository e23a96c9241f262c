import { presence } from './counters-and-lists.js';
import { type Effect, mayBe, type Moment, THE_END } from './effects.js';
import { clearsOf, type Analysis } from './analysis.js';
import type { Document, Row } from './history.js';
import type { SessionHistory } from './sessions.js';
import { parseTag } from './tag.js';

/** Somebody reads and takes messages. */
interface Dequeue {
  readonly effect: Effect;
  readonly shown: ReadonlySet<number>;
  /** Whether nothing in the same request had changed the messages before. */
  readonly isFirst: boolean;
  /** Whether it saw the session as it was stored, and not what a login in the same request had left of it. */
  readonly isWhole: boolean;
}

/** Every message is shown once, or waits; never twice to those who come one after the other. */
export function checkFlashes(analysis: Analysis): void {
  const rows = new Map(analysis.history.rows.map((row) => [row.id, row]));
  for (const [session, effects] of analysis.effectsIn) {
    const dequeues = dequeuesOf(analysis, effects);
    const messages = effects.filter(({ operation }) => operation.kind === 'flash');
    const clears = clearsOf(effects, null);
    for (const dequeue of dequeues) {
      checkShown(analysis, session, dequeue, dequeues, clears);
      if (dequeue.isFirst && dequeue.isWhole) checkMissing(analysis, session, dequeue, dequeues, messages, clears);
    }
    const row = rows.get(session.id);
    if (row !== undefined && !session.isIndeterminate) checkWaiting(analysis, session, row, dequeues, messages, clears);
  }
}

function dequeuesOf(analysis: Analysis, effects: readonly Effect[]): Dequeue[] {
  const dequeues: Dequeue[] = [];
  for (const effect of effects) {
    const { operation, result, visit, step } = effect;
    if (operation.kind !== 'flashes' || !Array.isArray(result)) continue;
    const earlier = visit.operations.slice(0, step);
    const isFirst = !earlier.some(({ kind }) => kind === 'flashes' || kind === 'clear');
    const isWhole = step < (visit.trace?.after?.from ?? Infinity);
    const writes = result.map((message) => parseTag(message)?.write ?? NaN);
    dequeues.push({ effect, shown: new Set(writes), isFirst, isWhole });
    if (new Set(writes).size < writes.length) analysis.report('flash', 'a request was shown a message twice', visit);
  }
  return dequeues;
}

/** A request sees what it has loaded, also after a login into the same session, unless that flushed the data. */
function momentOfRead(analysis: Analysis, { effect, isWhole }: Dequeue): Moment {
  const { visit, epoch, session, step } = effect;
  const place = analysis.sessions.places.get(visit);
  const isLoaded = isWhole || (place?.sessionAfter === place?.session && session.epochs[epoch]?.isFlushed !== true);
  return { begin: visit.begin, end: visit.end, epoch: isLoaded ? (place?.epoch ?? 0) : epoch, visit, step };
}

function checkShown(
  analysis: Analysis,
  session: SessionHistory,
  dequeue: Dequeue,
  dequeues: readonly Dequeue[],
  clears: Effect[],
): void {
  const { visit, step } = dequeue.effect;
  const moment = momentOfRead(analysis, dequeue);
  for (const write of dequeue.shown) {
    const message = analysis.byWrite.get(write);
    const where = `in session ${session.id}`;
    if (message === undefined || !(message.session === session || session.ancestors.has(message.session.id))) {
      analysis.report('foreign data', `message ${write} was shown ${where}, which it was not left in`, visit);
      continue;
    }
    const isOwn = message.visit === visit && message.step < step;
    if (!isOwn && !mayBe(message) && !(message.status === 'carried' && message.session !== session)) {
      analysis.report('refused change', `message ${write} was ${message.status}, and yet shown`, visit, message.visit);
    } else if (!isOwn && message.session === session) {
      const is = presence(analysis, session, { ...message, isSure: false }, clears, moment, analysis.knows);
      if (is === 'not')
        analysis.report('flash', `message ${write} cannot be there when it was shown`, visit, message.visit);
    }
    for (const other of dequeues) {
      if (other === dequeue || other.effect.status !== 'acknowledged' || !other.shown.has(write)) continue;
      if (analysis.knows(other.effect, moment)) {
        analysis.report(
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
  analysis: Analysis,
  session: SessionHistory,
  dequeue: Dequeue,
  dequeues: readonly Dequeue[],
  messages: readonly Effect[],
  clears: readonly Effect[],
): void {
  const { visit, operation } = dequeue.effect;
  const moment = momentOfRead(analysis, dequeue);
  const category = operation.kind === 'flashes' ? operation.category : null;
  for (const message of messages) {
    const write = writeOf(message);
    if (dequeue.shown.has(write) || message.status !== 'acknowledged' || message.visit === visit) continue;
    if (category !== null && category !== categoryOf(message)) continue;
    if (presence(analysis, session, { ...message, isSure: true }, clears, moment, analysis.knows) !== 'must') continue;
    if (dequeues.some((other) => other !== dequeue && other.shown.has(write) && mayHaveDequeued(other))) continue;
    const text = `message ${write} of session ${session.id} was waiting, and was not shown`;
    analysis.report('flash', text, message.visit, visit);
  }
}

function checkWaiting(
  analysis: Analysis,
  session: SessionHistory,
  row: Row,
  dequeues: readonly Dequeue[],
  messages: readonly Effect[],
  clears: readonly Effect[],
): void {
  const waiting = waitingIn(row.data);
  const end = { ...THE_END, epoch: session.epochs.length - 1 };
  for (const write of waiting) {
    const message = analysis.byWrite.get(write);
    const isTaken = dequeues.find(({ effect, shown }) => effect.status === 'acknowledged' && shown.has(write));
    if (message === undefined || !(message.session === session || session.ancestors.has(message.session.id))) {
      analysis.report('foreign data', `message ${write} waits in session ${session.id}, which it was not left in`);
    } else if (!mayBe(message) && message.status !== 'carried') {
      analysis.report('refused change', `message ${write} was ${message.status}, and yet waits`, message.visit);
    } else if (
      message.session === session &&
      presence(analysis, session, { ...message, isSure: true }, clears, end, analysis.knows) === 'not'
    ) {
      analysis.report('flash', `message ${write} cannot be there at the end`, message.visit);
    } else if (isTaken !== undefined) {
      analysis.report('flash', `message ${write} was shown, and still waits`, message.visit, isTaken.effect.visit);
    }
  }
  for (const message of messages) {
    const write = writeOf(message);
    if (message.status !== 'acknowledged' || waiting.has(write)) continue;
    if (presence(analysis, session, { ...message, isSure: true }, clears, end, analysis.knows) !== 'must') continue;
    if (dequeues.some((dequeue) => dequeue.shown.has(write) && mayHaveDequeued(dequeue))) continue;
    analysis.report(
      'flash',
      `message ${write} of session ${session.id} was never shown, and waits no more`,
      message.visit,
    );
  }
}

function mayHaveDequeued({ effect }: Dequeue): boolean {
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
