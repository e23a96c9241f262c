import { SessionArgumentError, SessionDataError } from '../../session.errors.js';
import { type Additions, append, joined, noAdditions } from './additions.js';
import { type DataChanges, keysOf, NO_CHANGES } from './changes.js';
import { type FlashMessage, isFlashKey, isFlashMessage, newFlashKey, RESERVED } from './flash.js';
import { copyJson, encodeJson, kindOf, sameJson } from './json.js';
import {
  copyOf,
  type Document,
  type DocumentSource,
  LiveDocument,
  membersOf,
  NOTHING,
  textOrNone,
} from './live-document.js';
import { applyChanges, changesBetween, hasSwallowedIncrement, refusedKeys } from './merge.js';
import { assertNotReserved, assertTopLevel } from './keys.js';
import { deletePath, getPath, setPath, topLevelOf } from './paths.js';
import { inQuotes } from '../../shown.js';
import { OwnParts } from './own-parts.js';
import { replaceMembers } from './refill.js';
import { Snapshot } from './snapshot.js';

const NO_ADDITIONS: Additions = noAdditions();

/**
 * The data of one session while a request works on it, and what of it is not stored, found by comparing. As long as the
 * application holds no part of the data that it could change in place, only keys that a method has changed can differ: those
 * are remembered one by one. From then on everything can, and is remembered: as a snapshot, for most requests only look.
 */
export class TrackedData extends LiveDocument {
  /** As long as this holds, nothing was changed; once it does not, its place is taken by {@link #before}. */
  #snapshot: Snapshot | null = null;
  /** As it was when it was loaded or sent, sharing nothing with what is live: all of it if held, and else the keys that methods have changed. */
  #before: Document | null = null;
  #additions: Additions | null = null;
  /** The keys that could not be sent, or stored, last; `null` for none. */
  #unsent: Iterable<string> | null = null;
  /** The keys whose values were refused, with an error to the application, since all was stored last; `null` for none. */
  #refused: Set<string> | null = null;

  /** The live data, to be changed in place. */
  get data(): Document {
    this.#hold();
    return this.open();
  }

  get(path: string): unknown {
    const value = getPath(this.open(), path);
    if (isObject(value)) this.#hold();
    return value;
  }

  has(path: string): boolean {
    return getPath(this.open(), path) !== undefined;
  }

  set(path: string, value: unknown): void {
    assertNotReserved(path);
    this.#remember(topLevelOf(path));
    if (isObject(value)) this.#hold();
    const made = setPath(this.open(), path, value);
    this.own?.add(made);
  }

  delete(path: string): boolean {
    this.#remember(topLevelOf(path));
    return deletePath(this.open(), path);
  }

  clear(): void {
    for (const key of [...Object.keys(this.open()), ...Object.keys(this.reserved)]) this.#change(key, undefined);
    this.#additions = null;
  }

  increment(key: string, by: number): number {
    assertTopLevel('increment', key);
    if (!Number.isFinite(by)) {
      throw new SessionArgumentError(`increment(${inQuotes(key)}) needs a finite number to add, not ${kindOf(by)}.`);
    }
    const live = this.open();
    const old = live[key] ?? 0;
    if (typeof old !== 'number') {
      throw new SessionArgumentError(`increment(${inQuotes(key)}) needs a number there, but found ${kindOf(old)}.`);
    }
    this.#remember(key);
    append((this.#additions ??= noAdditions()).increment, key, [by]);
    return (live[key] = old + by);
  }

  push(key: string, items: unknown[]): number {
    assertTopLevel('push', key);
    const live = this.open();
    const old = live[key] ?? [];
    if (!Array.isArray(old)) {
      throw new SessionArgumentError(`push(${inQuotes(key)}) needs an array there, but found ${kindOf(old)}.`);
    }
    if (items.length === 0) return old.length;
    this.#remember(key);
    if (items.some(isObject)) this.#hold();
    append((this.#additions ??= noAdditions()).push, key, items);
    // In place: the handler may hold the array.
    if (live[key] !== old) this.own?.add([old]);
    live[key] = old;
    return old.push(...items);
  }

  flash(category: string, message: unknown): void {
    if (typeof category !== 'string' || category === '') {
      throw new SessionArgumentError(`flash() needs a category such as 'success', not ${kindOf(category)}.`);
    }
    const text = encodeJson({ category, message: message ?? null }, 'flash');
    this.#change(newFlashKey(), JSON.parse(text));
  }

  /** Takes the messages out, oldest first; all of them, or those of one category. */
  flashes(category?: string): FlashMessage[] {
    if (category !== undefined && typeof category !== 'string') {
      throw new SessionArgumentError(`flashes() takes a category such as 'success', not ${kindOf(category)}.`);
    }
    this.open();
    const messages: FlashMessage[] = [];
    for (const key of Object.keys(this.reserved).filter(isFlashKey).sort()) {
      const message = this.reserved[key];
      const isMessage = isFlashMessage(message);
      if (category !== undefined && isMessage && message.category !== category) continue;
      if (isMessage) messages.push(message);
      this.#change(key, undefined);
    }
    return messages;
  }

  /** Whether a method has changed anything, or the application holds parts that it can change unseen. */
  get mayDiffer(): boolean {
    return this.#isHeld || (this.live !== null && !this.isAsRead);
  }

  /** Whether there is anything that has not been sent; also what cannot be. */
  get isChanged(): boolean {
    return !this.#snapshot?.holds() && this.readable(() => this.#differs());
  }

  #differs(): boolean {
    const before = this.#wasBefore();
    if (before === null) return false;
    if (this.#additions !== null && hasSwallowedIncrement(before, this.whole(), this.#additions)) return true;
    if (this.#isHeld) return !sameJson(this.whole(), before);
    for (const key in before) if (!sameJson(this.homeOf(key)[key], before[key])) return true;
    return false;
  }

  /** What a commit would have to carry; `null` if nothing. @throws {SessionDataError} when it cannot be stored. */
  changes(): DataChanges | null {
    this.#unsent = null;
    try {
      const changes = this.#storable();
      if (changes === null) this.#refused = null;
      return changes;
    } catch (error) {
      if (error instanceof SessionDataError) this.#unsent = this.#unstorable();
      throw error;
    }
  }

  #storable(): DataChanges | null {
    if (this.symbols.length > 0) {
      throw new SessionDataError('', 'Session data has a symbol as key, which cannot be stored. Use string keys.');
    }
    if (this.#snapshot?.holds()) return null;
    const before = this.#wasBefore();
    return before && this.readable(() => this.#changesSince(before));
  }

  #changesSince(before: Document): DataChanges | null {
    const live = this.open();
    for (const key of Object.keys(live)) {
      if (key.startsWith(RESERVED) && live[key] !== undefined) {
        throw new SessionDataError(
          key,
          `Session data has a key ${inQuotes(key)}; keys that begin with "$" are reserved. Rename it.`,
        );
      }
    }
    const whole = this.whole();
    return changesBetween(before, whole, this.#additions ?? NO_ADDITIONS, this.#isHeld ? whole : before);
  }

  /**
   * Takes changes as sent: what comes after them is compared with the document as they leave it. Returns how to take
   * that back, for when they could not be stored, and why.
   */
  sent(changes: DataChanges): (error?: unknown) => void {
    const before = this.#before as Document;
    const additions = this.#additions;
    const refused = this.#refused;
    const wasHeld = this.#isHeld;
    this.#before = wasHeld ? applyChanges(before, this.whole(), changes) : null;
    this.#additions = null;
    this.#refused = null;
    return (error) => {
      if (wasHeld) this.#before = before;
      else if (this.#isHeld) this.#before = overlaid(this.#before as Document, before);
      else this.#before = Object.assign(this.#before ?? (Object.create(null) as Document), before);
      this.#additions = joined(additions, this.#additions);
      this.#refused = refused;
      if (error instanceof SessionDataError) this.#unsent = keysOf(changes).filter((key) => isOf(error.path, key));
    };
  }

  /** Drops what has not been sent. */
  discard(): void {
    this.#refused = null;
    if (this.#snapshot?.holds()) return;
    const before = this.#wasBefore();
    if (before === null) return;
    this.#additions = null;
    if (this.#isHeld) {
      this.fill(copyJson(before) as Document);
      return;
    }
    for (const key in before) this.put(key, before[key]);
    this.#before = null;
  }

  /** Starts over from what is stored, and does what has not been sent to that. What cannot be stored is for the next commit to refuse. */
  rebase(source: DocumentSource | null): void {
    let changes: DataChanges | null;
    let putBack = (): void => {};
    try {
      changes = this.changes();
    } catch (error) {
      if (!(error instanceof SessionDataError)) throw error;
      putBack = this.#setUnstorableAside();
      changes = this.changes();
    }
    if (changes === null) this.replace(source);
    else this.#redo(changes, source);
    putBack();
  }

  /** Returns how to put it back. */
  #setUnstorableAside(): () => void {
    const before = this.#wasBefore() ?? NOTHING;
    const whole = this.readable(() => this.whole());
    const refused = this.#unstorable();
    const values = [...refused].map((key) => [key, whole[key]] as const);
    const { symbols } = this;
    const named = symbols.map((symbol) => [symbol, Reflect.get(this.open(), symbol)] as const);
    for (const key of refused) this.#drop(key, before);
    for (const symbol of symbols) Reflect.deleteProperty(this.open(), symbol);
    return () => {
      for (const [key, value] of values) {
        this.#remember(key);
        // A reserved key that the application has set is no key of ours.
        this.open()[key] = value;
      }
      for (const [symbol, value] of named) Reflect.set(this.open(), symbol, value);
    };
  }

  /** Starts over from what is stored; what has changed since {@link texts} is written over that. */
  reread(source: DocumentSource | null, texts: ReadonlyMap<string, string>): void {
    const whole = this.readable(() => ({ ...this.whole() }));
    this.#replaceAround(
      new Map(Object.entries(whole).filter(([key, value]) => textOrNone(value) !== texts.get(key))),
      source,
    );
    for (const key of texts.keys()) if (!Object.hasOwn(whole, key)) this.#change(key, undefined);
  }

  /** A document of nothing, in an object of its own. */
  blank(): TrackedData {
    return new TrackedData(null, this.onUnreadable);
  }

  /**
   * A document that starts with nothing, in the object that the application holds. This one keeps what was there, and the
   * application no longer reaches it.
   */
  successor(): TrackedData {
    const next = this.blank();
    const live = this.live;
    if (live === null) return next;
    // The snapshot is of the object that the application holds.
    this.#wasBefore();
    this.live = membersOf(live);
    next.live = replaceMembers(live, NOTHING) ? live : (Object.create(null) as Document);
    next.isAsRead = true;
    if (this.#isHeld) next.#hold();
    return next;
  }

  /** Undoes {@link successor}: the application finds what was there, and over it, or added to it, what it has written since. */
  resume(next: TrackedData): void {
    const { increment, push } = next.#changesIfStorable();
    const since = Object.assign(Object.create(null), next.live, next.reserved) as Document;
    const content = this.open();
    // A snapshot is of an object that the application does not hold, where it was taken since.
    this.#wasBefore();
    if (next.live !== null) {
      if (replaceMembers(next.live, content)) this.live = next.live;
      if (next.#isHeld) this.#hold();
    }
    for (const key in since) {
      const items = push.has(key) ? (since[key] as unknown[]) : undefined;
      if (!this.#addWhereFits(key, increment.get(key), items)) this.#change(key, since[key]);
    }
  }

  /** Adds a number, or items, and returns whether what is there could be added to. */
  #addWhereFits(key: string, by: number | undefined, items: unknown[] | undefined): boolean {
    const here = this.open()[key];
    if (by !== undefined && typeof (here ?? 0) === 'number') {
      this.increment(key, by);
      return true;
    }
    if (items === undefined || !Array.isArray(here ?? [])) return false;
    this.push(key, items);
    return true;
  }

  /** What a commit would have to carry, if all of it can be stored. */
  #changesIfStorable(): DataChanges {
    try {
      return this.changes() ?? NO_CHANGES;
    } catch (error) {
      if (error instanceof SessionDataError) return NO_CHANGES;
      throw error;
    }
  }

  /** What could not be sent, or stored, last was refused, with an error to the application: not what was written since. */
  noteRefusal(): void {
    this.#refused = new Set([...(this.#refused ?? []), ...(this.#unsent ?? [])]);
  }

  /** The keys whose values cannot be stored. */
  #unstorable(): Set<string> {
    const before = this.#wasBefore() ?? NOTHING;
    const refused = this.readable(() => {
      const whole = this.whole();
      return new Set(refusedKeys(before, whole, this.#additions ?? NO_ADDITIONS, this.#isHeld ? whole : before));
    });
    for (const key of Object.keys(this.open())) if (key.startsWith(RESERVED)) refused.add(key);
    return refused;
  }

  /**
   * Drops the changes of the key that a path leads to (of all, if it leads to none), where they were refused before; and with it
   * all others that were and cannot be stored: one by one, thousands would take seconds.
   */
  dropRefused(path: string): boolean {
    const refused = [...(this.#refused ?? [])];
    const isMeant = (key: string): boolean => isOf(path, key);
    const unstorable = refused.some(isMeant) ? this.#unstorable() : null;
    const dropped = unstorable === null ? [] : refused.filter((key) => isMeant(key) || unstorable.has(key));
    const before = this.#wasBefore() ?? NOTHING;
    for (const key of dropped) {
      this.#drop(key, before);
      this.#refused?.delete(key);
    }
    const symbols = path === '' && this.#refused !== null ? this.symbols : [];
    for (const symbol of symbols) Reflect.deleteProperty(this.open(), symbol);
    return dropped.length + symbols.length > 0;
  }

  #drop(key: string, before: Document): void {
    if (key.startsWith(RESERVED)) Reflect.deleteProperty(this.open(), key);
    this.put(key, copyJson(before[key]));
    this.#additions?.increment.delete(key);
    this.#additions?.push.delete(key);
  }

  /** Takes everything along into a session that is not stored yet. */
  detach(): void {
    this.#hold();
    this.source = null;
    this.#snapshot = null;
    this.#before = Object.create(null) as Document;
    this.#additions = null;
  }

  /** Starts over from what is stored. */
  replace(source: DocumentSource | null): void {
    this.source = source;
    this.#additions = null;
    if (this.live !== null) this.fill(this.parse());
    this.#before = null;
    this.isAsRead = true;
    if (this.own === null) return;
    this.#snapshot = new Snapshot(this.open());
    this.own.keep(this.#snapshot.nodes);
  }

  /** Starts over from what is stored, and writes these values over it: the objects that the application has there stay as they are. */
  #replaceAround(values: ReadonlyMap<string, unknown>, source: DocumentSource | null): void {
    const own = [...values.values()].flatMap((value) => this.own?.among(value) ?? []);
    // Also where they are under another key as well.
    this.own?.delete(own);
    for (const key of values.keys()) this.put(key, undefined);
    this.replace(source);
    this.own?.add(own);
    for (const [key, value] of values) this.#change(key, value);
  }

  /** Starts over from what is stored, and does changes to that. An addition that does not fit there is left for the store to refuse. */
  #redo({ set, unset, increment, push }: DataChanges, source: DocumentSource | null): void {
    const before = this.#wasBefore() as Document;
    const additions = this.#additions ?? NO_ADDITIONS;
    const valuesOf = (keys: Iterable<string>) => new Map([...keys].map((key) => [key, this.homeOf(key)[key]] as const));
    const added = valuesOf([...increment.keys(), ...push.keys()]);
    this.#replaceAround(valuesOf(set.keys()), source);
    for (const key of unset) this.#change(key, undefined);
    for (const [key, value] of added) {
      const items = push.has(key) ? additions.push.get(key) : undefined;
      if (!this.#addWhereFits(key, increment.get(key), items)) this.#restore(key, value, before[key], additions);
      // It may be the application's own.
      else if (items !== undefined && sameJson(value, this.homeOf(key)[key])) this.put(key, value);
    }
  }

  /** Has a key changed as it was, by additions. */
  #restore(key: string, value: unknown, before: unknown, { increment, push }: Additions): void {
    this.#change(key, value);
    const known = this.#before as Document;
    if (this.#isHeld) overlaid(known, { [key]: before });
    else known[key] = before;
    const additions = (this.#additions ??= noAdditions());
    const items = push.get(key);
    if (items === undefined) append(additions.increment, key, increment.get(key) as number[]);
    else append(additions.push, key, items);
  }

  /** From now on the application holds parts of the data, and can change them unseen. */
  #hold(): void {
    if (this.own !== null) return;
    const snapshot = new Snapshot(this.open());
    if (this.isAsRead) this.#snapshot = snapshot;
    else this.#before = overlaid(copyOf(this.whole()), this.#before ?? NOTHING);
    // Methods hold before they put an object there: all are its own still.
    this.own = new OwnParts(snapshot.nodes);
  }

  /** As it was, taken from the source where a snapshot has stood for it. */
  #wasBefore(): Document | null {
    if (this.#snapshot !== null) {
      this.#snapshot = null;
      this.#before = this.parse();
    }
    return this.#before;
  }

  /** A method is about to change a key. */
  #remember(key: string): void {
    const home = this.open() && this.homeOf(key);
    this.isAsRead = false;
    if (this.#isHeld) {
      this.#wasBefore();
      return;
    }
    const before = (this.#before ??= Object.create(null) as Document);
    if (!(key in before)) before[key] = copyJson(home[key]);
  }

  /** Whether the application may hold parts that it can change in place. */
  get #isHeld(): boolean {
    return this.own !== null;
  }

  #change(key: string, value: unknown): void {
    this.#remember(key);
    this.put(key, value);
  }
}

/** A document with some keys as they were before: `undefined` where there was nothing. */
function overlaid(document: Document, keys: Document): Document {
  for (const key in keys) {
    if (keys[key] === undefined) delete document[key];
    else document[key] = keys[key];
  }
  return document;
}

/** Whether a path is about a key: that of what is refused leads to a value below it, or is empty for all of the data. */
function isOf(path: string, key: string): boolean {
  return path === '' || path === key || path.startsWith(`${key}.`);
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}
