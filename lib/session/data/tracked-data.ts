import { SessionArgumentError, SessionDataError } from '../../session.errors.js';
import { type Additions, append, joined, noAdditions } from './additions.js';
import type { DataChanges } from './changes.js';
import { type FlashMessage, isFlashKey, newFlashKey, RESERVED } from './flash.js';
import { asJson, copyJson, encodeJson, isPlainObject, kindOf, sameJson } from './json.js';
import { applyChanges, changesBetween, hasSwallowedIncrement } from './merge.js';
import { deletePath, getPath, setPath, topLevelOf } from './paths.js';
import { Snapshot } from './snapshot.js';

type Document = Record<string, unknown>;

/** Where the JSON text comes from; asked for when somebody looks, and not before: a store may have to decrypt it. */
export interface DocumentSource {
  readonly data: string;
}

const NOTHING: Document = Object.freeze(Object.create(null) as Document);
const NO_ADDITIONS: Additions = noAdditions();

/**
 * The data of one session while a request works on it. Parsed when somebody first looks; until then it costs nothing.
 *
 * What has changed is found by comparing. As long as the application holds no part of the data that it could change in
 * place, only keys that a method has changed can differ: those are remembered one by one, as they were. From then on
 * everything can, and everything is remembered: as a snapshot, as long as that holds, for most requests only look.
 */
export class TrackedData {
  #source: DocumentSource | null;
  /** What the application sees. Without a prototype, so that no key has a meaning of its own. */
  #live: Document | null = null;
  /** What it does not see: the keys that begin with `$`. */
  #reserved: Document = NOTHING;
  /** Whether the application may hold parts that it can change in place. */
  #isHeld = false;
  /** Whether it says what its source says, as no method has changed it since. */
  #isAsRead = false;
  /** As long as this holds, nothing was changed; once it does not, its place is taken by {@link #before}. */
  #snapshot: Snapshot | null = null;
  /** As it was when it was loaded or sent, sharing nothing with what is live: all of it if held, and else the keys that methods have changed. */
  #before: Document | null = null;
  #additions: Additions | null = null;
  /** The keys whose values are stored as what JSON makes of them, and whether an empty object is not; `null` for none. */
  #lenient: Map<string, boolean> | null = null;
  /** The keys of which the application was told that they cannot be stored as they are; `null` for none. */
  #refused: Set<string> | null = null;
  readonly #onUnreadable: (error: unknown) => void;

  /** @param source `null` for a new session. Unreadable text is reported, and reads as empty. */
  constructor(source: DocumentSource | null, onUnreadable: (error: unknown) => void) {
    this.#source = source;
    this.#onUnreadable = onUnreadable;
  }

  /** The live data, to be changed in place. */
  get data(): Document {
    this.#hold();
    return this.#open();
  }

  get(path: string): unknown {
    const value = getPath(this.#open(), path);
    if (isObject(value)) this.#hold();
    return value;
  }

  has(path: string): boolean {
    return getPath(this.#open(), path) !== undefined;
  }

  set(path: string, value: unknown): void {
    assertNotReserved(path);
    this.#remember(topLevelOf(path));
    if (isObject(value)) this.#hold();
    setPath(this.#open(), path, value);
  }

  delete(path: string): boolean {
    this.#remember(topLevelOf(path));
    return deletePath(this.#open(), path);
  }

  keys(): string[] {
    const live = this.#open();
    return Object.keys(live).filter((key) => live[key] !== undefined);
  }

  clear(): void {
    for (const key of [...Object.keys(this.#open()), ...Object.keys(this.#reserved)]) this.#change(key, undefined);
    this.#additions = null;
  }

  increment(key: string, by: number): number {
    assertTopLevel('increment', key);
    if (!Number.isFinite(by)) {
      throw new SessionArgumentError(`increment("${key}") needs a finite number to add, not ${kindOf(by)}.`);
    }
    const live = this.#open();
    const old = live[key] ?? 0;
    if (typeof old !== 'number') {
      throw new SessionArgumentError(`increment("${key}") needs a number there, but found ${kindOf(old)}.`);
    }
    this.#remember(key);
    append((this.#additions ??= noAdditions()).increment, key, [by]);
    return (live[key] = old + by);
  }

  push(key: string, items: unknown[]): number {
    assertTopLevel('push', key);
    const live = this.#open();
    const old = live[key] ?? [];
    if (!Array.isArray(old)) {
      throw new SessionArgumentError(`push("${key}") needs an array there, but found ${kindOf(old)}.`);
    }
    if (items.length === 0) return old.length;
    this.#remember(key);
    if (items.some(isObject)) this.#hold();
    append((this.#additions ??= noAdditions()).push, key, items);
    // In place: the handler may hold the array.
    live[key] = old;
    return old.push(...items);
  }

  flash(category: string, message: unknown): void {
    if (typeof category !== 'string' || category === '') {
      throw new SessionArgumentError(`flash() needs a category such as 'success', not ${kindOf(category)}.`);
    }
    const text = encodeJson({ category, message: message ?? null }, 'flash');
    this.#open();
    this.#change(newFlashKey(), JSON.parse(text));
  }

  /** Takes the messages out, oldest first; all of them, or those of one category. */
  flashes(category?: string): FlashMessage[] {
    this.#open();
    const messages: FlashMessage[] = [];
    for (const key of Object.keys(this.#reserved).filter(isFlashKey).sort()) {
      const message = this.#reserved[key] as FlashMessage | null;
      if (category !== undefined && message?.category !== category) continue;
      if (message !== null) messages.push(message);
      this.#change(key, undefined);
    }
    return messages;
  }

  /** All of it as JSON text. */
  text(): string {
    return JSON.stringify(this.#whole());
  }

  /** Whether there is anything that has not been sent; also what cannot be. */
  get isChanged(): boolean {
    if (this.#snapshot?.holds()) return false;
    const before = this.#wasBefore();
    if (before === null) return false;
    if (this.#additions !== null && hasSwallowedIncrement(before, this.#whole(), this.#additions)) return true;
    if (this.#isHeld) return !sameJson(this.#whole(), before);
    for (const key in before) if (!sameJson(this.#homeOf(key)[key], before[key])) return true;
    return false;
  }

  /** What a commit would have to carry; `null` if nothing. @throws {SessionDataError} when it cannot be stored. */
  changes(): DataChanges | null {
    if (this.#snapshot?.holds()) return null;
    const before = this.#wasBefore();
    if (before === null) return null;
    const live = this.#open();
    for (const key of Object.keys(live)) {
      if (key.startsWith(RESERVED) && live[key] !== undefined) {
        throw new SessionDataError(
          key,
          `Session data has a key "${key}"; keys that begin with "$" are reserved. Rename it.`,
        );
      }
    }
    const whole = this.#whole();
    return changesBetween(before, whole, this.#additions ?? NO_ADDITIONS, this.#isHeld ? whole : before);
  }

  /**
   * Takes changes as sent: what comes after them is compared with the document as they leave it. Returns how to take
   * that back, for when they could not be stored.
   */
  sent(changes: DataChanges): () => void {
    const before = this.#before as Document;
    const additions = this.#additions;
    const wasHeld = this.#isHeld;
    this.#before = wasHeld ? applyChanges(before, this.#whole(), changes) : null;
    this.#additions = null;
    return () => {
      if (wasHeld) this.#before = before;
      else if (this.#isHeld) this.#before = overlaid(this.#before as Document, before);
      else this.#before = Object.assign(this.#before ?? (Object.create(null) as Document), before);
      this.#additions = joined(additions, this.#additions);
    };
  }

  /** Drops what has not been sent. */
  discard(): void {
    if (this.#snapshot?.holds()) return;
    const before = this.#wasBefore();
    if (before === null) return;
    this.#additions = null;
    if (this.#isHeld) {
      this.#fill(copyJson(before) as Document);
      return;
    }
    for (const key in before) this.#put(key, before[key]);
    this.#before = null;
  }

  /** Changes everything at once, without taking it for stored. */
  fillWith(text: string): void {
    this.#hold();
    this.#wasBefore();
    this.#additions = null;
    this.#fill(JSON.parse(text) as Document);
  }

  /** Starts over from what is stored, and does what has not been sent to that. */
  rebase(source: DocumentSource | null): void {
    const changes = this.changes();
    this.replace(source);
    this.#redo(changes);
  }

  /** What it says under each key, as JSON text; empty where JSON has no word for it. */
  texts(): Map<string, string> {
    return new Map(Object.entries(this.#whole()).map(([key, value]) => [key, textOrNone(value)]));
  }

  /** Starts over from what is stored; what has changed since it said {@link texts} is written over that. */
  reread(source: DocumentSource | null, texts: ReadonlyMap<string, string>): void {
    const whole = { ...this.#whole() };
    this.replace(source);
    for (const key of texts.keys()) if (!Object.hasOwn(whole, key)) this.#change(key, undefined);
    for (const key of Object.keys(whole)) if (textOrNone(whole[key]) !== texts.get(key)) this.#change(key, whole[key]);
  }

  /**
   * A document that starts with nothing, in the object that the application holds. This one keeps what was there, and the
   * application no longer reaches it.
   */
  successor(): TrackedData {
    const next = new TrackedData(null, this.#onUnreadable);
    const live = this.#live;
    if (live === null) return next;
    this.#live = Object.assign(Object.create(null), live) as Document;
    for (const key of Object.keys(live)) delete live[key];
    next.#live = live;
    next.#isAsRead = true;
    if (this.#isHeld) next.#hold();
    return next;
  }

  /** Undoes {@link successor}: the application finds what was there, and over it what it has written since. */
  resume(next: TrackedData): void {
    const since = Object.assign(Object.create(null), next.#live, next.#reserved) as Document;
    const content = this.#open();
    if (next.#live !== null) {
      this.#live = next.#live;
      for (const key of Object.keys(this.#live)) delete this.#live[key];
      Object.assign(this.#live, content);
      if (next.#isHeld) this.#hold();
    }
    for (const key in since) this.#change(key, since[key]);
  }

  /**
   * Has a key stored as what JSON makes of its value (a Date becomes text), instead of refused.
   *
   * @param isOptional whether an empty object there is as good as nothing
   */
  makeLenient(key: string, isOptional: boolean): void {
    (this.#lenient ??= new Map<string, boolean>()).set(key, isOptional);
  }

  /** The application has been told that what is changed now cannot be stored. */
  noteRefusal(): void {
    const before = this.#wasBefore() ?? NOTHING;
    const whole = this.#whole();
    const suspects = this.#isHeld ? [...Object.keys(before), ...Object.keys(whole)] : Object.keys(before);
    this.#refused = new Set(suspects.filter((key) => !sameJson(whole[key], before[key])));
  }

  /** Drops the changes of the key that a path leads to (of all, if it leads to none), where the application was told of them. */
  dropRefused(path: string): boolean {
    const told = [...(this.#refused ?? [])];
    const dropped = told.filter((key) => path === '' || path === key || path.startsWith(`${key}.`));
    const before = this.#wasBefore() ?? NOTHING;
    for (const key of dropped) {
      this.#put(key, copyJson(before[key]));
      if (!this.#isHeld) delete this.#before?.[key];
      this.#additions?.increment.delete(key);
      this.#additions?.push.delete(key);
      this.#refused?.delete(key);
    }
    return dropped.length > 0;
  }

  /** Takes everything along into a session that is not stored yet. */
  detach(): void {
    this.#hold();
    this.#source = null;
    this.#snapshot = null;
    this.#before = Object.create(null) as Document;
    this.#additions = null;
  }

  /** Starts over from what is stored. */
  replace(source: DocumentSource | null): void {
    this.#source = source;
    this.#additions = null;
    if (this.#live !== null) this.#fill(this.#parse());
    this.#before = null;
    this.#isAsRead = true;
    this.#snapshot = this.#isHeld ? new Snapshot(this.#open()) : null;
  }

  #open(): Document {
    if (this.#live !== null) return this.#live;
    const live = this.#parse();
    for (const key in live) {
      if (!key.startsWith(RESERVED)) continue;
      if (this.#reserved === NOTHING) this.#reserved = Object.create(null) as Document;
      this.#reserved[key] = live[key];
      delete live[key];
    }
    this.#isAsRead = true;
    return (this.#live = live);
  }

  #redo(changes: DataChanges | null): void {
    if (changes === null) return;
    this.#open();
    for (const key of changes.unset) this.#change(key, undefined);
    for (const [key, value] of changes.set) this.#change(key, JSON.parse(value));
    for (const [key, by] of changes.increment) this.increment(key, by);
    for (const [key, items] of changes.push) this.push(key, JSON.parse(items) as unknown[]);
  }

  /** From now on the application holds parts of the data, and can change them unseen. */
  #hold(): void {
    if (this.#isHeld) return;
    const live = this.#open();
    if (this.#isAsRead) this.#snapshot = new Snapshot(live);
    else this.#before = overlaid(copyOf(this.#whole()), this.#before ?? NOTHING);
    this.#isHeld = true;
  }

  /** As it was, taken from the source where a snapshot has stood for it. */
  #wasBefore(): Document | null {
    if (this.#snapshot !== null) {
      this.#snapshot = null;
      this.#before = this.#parse();
    }
    return this.#before;
  }

  /** A method is about to change a key. */
  #remember(key: string): void {
    const home = this.#open() && this.#homeOf(key);
    this.#isAsRead = false;
    if (this.#isHeld) {
      this.#wasBefore();
      return;
    }
    const before = (this.#before ??= Object.create(null) as Document);
    if (!(key in before)) before[key] = copyJson(home[key]);
  }

  #change(key: string, value: unknown): void {
    this.#remember(key);
    this.#put(key, value);
  }

  #put(key: string, value: unknown): void {
    if (value === undefined) {
      delete this.#homeOf(key)[key];
      return;
    }
    if (this.#reserved === NOTHING && key.startsWith(RESERVED)) this.#reserved = Object.create(null) as Document;
    this.#homeOf(key)[key] = value;
  }

  #homeOf(key: string): Document {
    return key.startsWith(RESERVED) ? this.#reserved : (this.#live as Document);
  }

  // Refills the object that the handler may hold, instead of replacing it.
  #fill(content: Document): void {
    for (const key of Object.keys(this.#live as Document)) delete (this.#live as Document)[key];
    this.#reserved = NOTHING;
    for (const key in content) this.#put(key, content[key]);
  }

  #parse(): Document {
    if (this.#source === null) return Object.create(null) as Document;
    try {
      const parsed: unknown = JSON.parse(this.#source.data);
      if (!isPlainObject(parsed)) throw new TypeError(`expected a JSON object, found ${kindOf(parsed)}`);
      return Object.setPrototypeOf(parsed, null) as Document;
    } catch (error) {
      this.#source = null;
      this.#onUnreadable(error);
      return Object.create(null) as Document;
    }
  }

  #whole(): Document {
    const live = this.#open();
    if (this.#lenient !== null) {
      const whole = Object.assign(Object.create(null), live, this.#reserved) as Document;
      for (const [key, isOptional] of this.#lenient) {
        if (!(key in whole)) continue;
        const value = asJson(whole[key]);
        if (isOptional && isPlainObject(value) && Object.keys(value).length === 0) delete whole[key];
        else whole[key] = value;
      }
      return whole;
    }
    for (const _key in this.#reserved) return Object.assign(Object.create(null), live, this.#reserved) as Document;
    return live;
  }
}

function textOrNone(value: unknown): string {
  try {
    return (JSON.stringify(value) as string | undefined) ?? '';
  } catch {
    return '';
  }
}

/** A copy that shares nothing with the document. */
function copyOf(document: Document): Document {
  const copy = Object.create(null) as Document;
  for (const key in document) copy[key] = copyJson(document[key]);
  return copy;
}

/** A document with some keys as they were before: `undefined` where there was nothing. */
function overlaid(document: Document, keys: Document): Document {
  for (const key in keys) {
    if (keys[key] === undefined) delete document[key];
    else document[key] = keys[key];
  }
  return document;
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

function assertTopLevel(method: string, key: string): void {
  if (typeof key !== 'string' || key === '' || key.includes('.')) {
    throw new SessionArgumentError(
      `${method}() works on a top-level key, not ${key ? `the path "${key}"` : kindOf(key)}.`,
    );
  }
  assertNotReserved(key);
}

function assertNotReserved(path: string): void {
  if (typeof path === 'string' && path.startsWith(RESERVED)) {
    throw new SessionDataError(
      path,
      `Session data cannot have a key "${path}"; keys that begin with "$" are reserved.`,
    );
  }
}
