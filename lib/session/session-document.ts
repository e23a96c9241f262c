import { SessionArgumentError, SessionDataError } from '../session.errors.js';
import { type Additions, applyChanges, changesBetween, type DataChanges } from './changes.js';
import { type FlashMessage, isFlashKey, newFlashKey, RESERVED } from './flash.js';
import { encodeJson, isPlainObject, kindOf } from './json.js';
import { deletePath, getPath, setPath } from './paths.js';

type Document = Record<string, unknown>;

/** Where the JSON text comes from; asked for when somebody looks, and not before: a store may have to decrypt it. */
export interface DocumentSource {
  readonly data: string;
}

/**
 * The data of one session while a request works on it. Parsed when somebody first looks, compared with what was loaded
 * when somebody asks for the changes; until then it costs nothing.
 */
export class SessionDocument {
  #source: DocumentSource | null;
  #before: Document | null = null;
  /** What the application sees. Without a prototype, so that no key has a meaning of its own. */
  #live: Document | null = null;
  /** What it does not see: the keys that begin with `$`. */
  #reserved: Document = Object.create(null);
  #additions = noAdditions();
  readonly #onUnreadable: (error: unknown) => void;

  /** @param source `null` for a new session. Unreadable text is reported, and reads as empty. */
  constructor(source: DocumentSource | null, onUnreadable: (error: unknown) => void) {
    this.#source = source;
    this.#onUnreadable = onUnreadable;
  }

  get data(): Document {
    return (this.#live ??= this.#open());
  }

  get(path: string): unknown {
    return getPath(this.data, path);
  }

  set(path: string, value: unknown): void {
    assertNotReserved(path);
    setPath(this.data, path, value);
  }

  delete(path: string): boolean {
    return deletePath(this.data, path);
  }

  keys(): string[] {
    const data = this.data;
    return Object.keys(data).filter((key) => data[key] !== undefined);
  }

  clear(): void {
    const data = this.data;
    for (const key of Object.keys(data)) delete data[key];
    this.#reserved = Object.create(null);
    this.#additions = noAdditions();
  }

  increment(key: string, by: number): number {
    assertTopLevel('increment', key);
    if (!Number.isFinite(by)) {
      throw new SessionArgumentError(`increment("${key}") needs a finite number to add, not ${kindOf(by)}.`);
    }
    const old = this.data[key] ?? 0;
    if (typeof old !== 'number') {
      throw new SessionArgumentError(`increment("${key}") needs a number there, but found ${kindOf(old)}.`);
    }
    append(this.#additions.increment, key, [by]);
    return (this.data[key] = old + by);
  }

  push(key: string, items: unknown[]): number {
    assertTopLevel('push', key);
    const old = this.data[key] ?? [];
    if (!Array.isArray(old)) {
      throw new SessionArgumentError(`push("${key}") needs an array there, but found ${kindOf(old)}.`);
    }
    if (items.length === 0) return old.length;
    append(this.#additions.push, key, items);
    // In place: the handler may hold the array.
    this.data[key] = old;
    return old.push(...items);
  }

  flash(category: string, message: unknown): void {
    if (typeof category !== 'string' || category === '') {
      throw new SessionArgumentError(`flash() needs a category such as 'success', not ${kindOf(category)}.`);
    }
    const flash = { category, message: message ?? null };
    encodeJson(flash, 'flash');
    void this.data;
    this.#reserved[newFlashKey()] = flash;
  }

  /** Takes the messages out, oldest first; all of them, or those of one category. */
  flashes(category?: string): FlashMessage[] {
    void this.data;
    const messages: FlashMessage[] = [];
    for (const key of Object.keys(this.#reserved).filter(isFlashKey).sort()) {
      const message = this.#reserved[key] as FlashMessage | null;
      if (category !== undefined && message?.category !== category) continue;
      if (message !== null) messages.push(message);
      delete this.#reserved[key];
    }
    return messages;
  }

  /** All of it as JSON text. */
  text(): string {
    void this.data;
    return JSON.stringify(this.#whole());
  }

  /** What a commit would have to carry; `null` if nothing. @throws {SessionDataError} when it cannot be stored. */
  changes(): DataChanges | null {
    if (this.#live === null) return null;
    for (const key of Object.keys(this.#live)) {
      if (key.startsWith(RESERVED) && this.#live[key] !== undefined) {
        throw new SessionDataError(
          key,
          `Session data has a key "${key}"; keys that begin with "$" are reserved. Rename it.`,
        );
      }
    }
    return changesBetween(this.#loaded, this.#whole(), this.#additions);
  }

  /**
   * Takes changes as sent: what comes after them is compared with the document as they leave it. Returns how to take
   * that back, for when they could not be stored.
   */
  sent(changes: DataChanges): () => void {
    const before = this.#loaded;
    const additions = this.#additions;
    this.#before = applyChanges(before, this.#whole(), changes);
    this.#additions = noAdditions();
    return () => {
      this.#before = before;
      for (const [key, steps] of this.#additions.increment) append(additions.increment, key, steps);
      for (const [key, items] of this.#additions.push) append(additions.push, key, items);
      this.#additions = additions;
    };
  }

  /** Drops what has not been sent. */
  discard(): void {
    if (this.#live === null) return;
    this.#additions = noAdditions();
    this.#fill(this.#before === null ? this.#parse() : (JSON.parse(JSON.stringify(this.#before)) as Document));
  }

  /** Changes everything at once, without taking it for stored. */
  fillWith(text: string): void {
    void this.data;
    void this.#loaded;
    this.#additions = noAdditions();
    this.#fill(JSON.parse(text) as Document);
  }

  /** Starts over from what is stored, and does what has not been sent to that. */
  rebase(source: DocumentSource): void {
    const changes = this.changes();
    this.replace(source);
    if (changes === null) return;
    const live = this.data;
    const homeOf = (key: string): Document => (key.startsWith(RESERVED) ? this.#reserved : live);
    for (const key of changes.unset) delete homeOf(key)[key];
    for (const [key, value] of changes.set) homeOf(key)[key] = JSON.parse(value);
    for (const [key, by] of changes.increment) this.increment(key, by);
    for (const [key, items] of changes.push) this.push(key, JSON.parse(items) as unknown[]);
  }

  /** Takes everything along into a session that is not stored yet. */
  detach(): void {
    void this.data;
    this.#source = null;
    this.#before = null;
    this.#additions = noAdditions();
  }

  /** Starts over from what is stored. */
  replace(source: DocumentSource | null): void {
    const seen = this.#live !== null;
    this.#source = source;
    this.#before = null;
    this.#additions = noAdditions();
    if (seen) this.#fill(this.#parse());
  }

  #open(): Document {
    const live = this.#parse();
    for (const key of Object.keys(live)) {
      if (!key.startsWith(RESERVED)) continue;
      this.#reserved[key] = live[key];
      delete live[key];
    }
    return live;
  }

  // Refills the object that the handler may hold, instead of replacing it.
  #fill(content: Document): void {
    const live = this.#live as Document;
    for (const key of Object.keys(live)) delete live[key];
    this.#reserved = Object.create(null);
    for (const key of Object.keys(content)) {
      if (key.startsWith(RESERVED)) this.#reserved[key] = content[key];
      else live[key] = content[key];
    }
  }

  /** Parsed a second time: it must share nothing with what the handler changes in place. */
  get #loaded(): Document {
    return (this.#before ??= this.#parse());
  }

  #parse(): Document {
    if (this.#source === null) return Object.create(null);
    try {
      const parsed: unknown = JSON.parse(this.#source.data);
      if (!isPlainObject(parsed)) throw new TypeError(`expected a JSON object, found ${kindOf(parsed)}`);
      return Object.setPrototypeOf(parsed, null) as Document;
    } catch (error) {
      this.#source = null;
      this.#onUnreadable(error);
      return Object.create(null);
    }
  }

  #whole(): Document {
    for (const _key in this.#reserved) return this.#joined();
    return this.#live as Document;
  }

  #joined(): Document {
    return Object.assign(Object.create(null), this.#live, this.#reserved);
  }
}

function noAdditions(): Additions {
  return { increment: new Map(), push: new Map() };
}

function append<Item>(additions: Map<string, Item[]>, key: string, items: Item[]): void {
  const known = additions.get(key);
  if (known) known.push(...items);
  else additions.set(key, [...items]);
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
