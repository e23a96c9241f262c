import { SessionDataError } from '../../session.errors.js';
import { RESERVED } from './flash.js';
import type { OwnParts } from './own-parts.js';
import { refillMembers } from './refill.js';
import { nodesOf } from './snapshot.js';
import { asJson, copyJson, readObject, refuseSparse, sameJson } from './json.js';

export type Document = Record<string, unknown>;

/** Where the JSON text comes from. Read when the data is first needed, and not before: a store may have to decrypt it. */
export interface DocumentSource {
  readonly data: string;
}

/** Nothing at all, shared. */
export const NOTHING: Document = Object.freeze(Object.create(null) as Document);

const throws = (): never => {
  throw new TypeError('A getter in the data of the session has thrown.');
};

/** Stands for what a getter does not give. Nothing can look at it, so that it is refused when it is stored. */
const UNREADABLE: unknown = new Proxy({}, { getPrototypeOf: throws, ownKeys: throws, get: throws });

/**
 * The data of one session as it is now: what the application sees, and the reserved keys that it does not. Parsed when it
 * is first read; until then it costs nothing.
 */
export class LiveDocument {
  protected source: DocumentSource | null;
  /** What the application sees. Without a prototype, so that no key has a meaning of its own. */
  protected live: Document | null = null;
  /** What it does not see: the keys that begin with `$`. */
  protected reserved: Document = NOTHING;
  /** What of {@link live} may be changed in place; `null`: the application holds no part of it. */
  protected own: OwnParts | null = null;
  /** Whether no method has changed it since it was read from its source. */
  protected isAsRead = false;
  /** The keys whose values are stored as what JSON makes of them, and whether an empty object is not; `null` for none. */
  #lenient: Map<string, boolean> | null = null;
  protected readonly onUnreadable: (error: unknown) => void;

  /** @param source `null` for a new session. Unreadable text is reported, and reads as empty. */
  constructor(source: DocumentSource | null, onUnreadable: (error: unknown) => void) {
    this.source = source;
    this.onUnreadable = onUnreadable;
  }

  keys(): string[] {
    const live = this.open();
    return Object.keys(live).filter((key) => live[key] !== undefined);
  }

  /** All of it as JSON text. */
  text(): string {
    return JSON.stringify(this.whole());
  }

  /** The JSON text of each key; empty where there is none. */
  texts(): Map<string, string> {
    return this.readable(() => new Map(Object.entries(this.whole()).map(([key, value]) => [key, textOrNone(value)])));
  }

  /**
   * Has a key stored as what JSON makes of its value (a Date becomes text), instead of refused.
   *
   * @param isOptional whether an empty object there is as good as nothing
   */
  makeLenient(key: string, isOptional: boolean): void {
    (this.#lenient ??= new Map<string, boolean>()).set(key, isOptional);
  }

  /** What the application sees, parsed by now. */
  protected open(): Document {
    if (this.live !== null) return this.live;
    this.isAsRead = true;
    return (this.live = this.#setReservedAside(this.parse()));
  }

  /** Takes the reserved keys out of a document, and keeps them. */
  #setReservedAside(document: Document): Document {
    for (const key in document) {
      if (!key.startsWith(RESERVED)) continue;
      if (this.reserved === NOTHING) this.reserved = Object.create(null) as Document;
      this.reserved[key] = document[key];
      delete document[key];
    }
    return document;
  }

  /** Reads the data; once more, if a getter that the application has defined on it throws: then with {@link UNREADABLE} there. */
  protected readable<Result>(read: () => Result): Result {
    try {
      return read();
    } catch (error) {
      if (error instanceof SessionDataError || !this.#replaceGetters()) throw error;
      return read();
    }
  }

  #replaceGetters(): boolean {
    const live = this.open();
    const members = membersOf(live);
    const unreadable = Object.keys(members).filter((key) => members[key] === UNREADABLE);
    const place = { value: UNREADABLE, configurable: true, enumerable: true, writable: true };
    // What cannot be changed is no part of the data any more.
    if (!unreadable.every((key) => Reflect.defineProperty(live, key, place))) this.live = members;
    return unreadable.length > 0;
  }

  /** Keys of what the application sees that no JSON can have. */
  protected get symbols(): symbol[] {
    return this.live === null ? [] : Object.getOwnPropertySymbols(this.live);
  }

  protected put(key: string, value: unknown): void {
    if (value === undefined) {
      delete this.homeOf(key)[key];
      return;
    }
    if (this.reserved === NOTHING && key.startsWith(RESERVED)) this.reserved = Object.create(null) as Document;
    this.homeOf(key)[key] = value;
  }

  protected homeOf(key: string): Document {
    return key.startsWith(RESERVED) ? this.reserved : (this.live as Document);
  }

  /**
   * Has the objects that the handler may hold say what is given now, instead of replacing them. What it holds of the data is no part of
   * it any more where that cannot be, as it is frozen, or is the application's own, and says something else.
   */
  protected fill(content: Document): void {
    this.reserved = NOTHING;
    const live = this.#setReservedAside(content);
    this.own?.add(nodesOf(live));
    if (this.own === null || !refillMembers(this.live as Document, live, this.own)) {
      this.live = Object.setPrototypeOf(live, null) as Document;
    }
  }

  protected parse(): Document {
    if (this.source === null) return Object.create(null) as Document;
    try {
      return Object.setPrototypeOf(readObject(this.source.data), null) as Document;
    } catch (error) {
      this.source = null;
      this.onUnreadable(error);
      return Object.create(null) as Document;
    }
  }

  /** All keys as they are to be stored. */
  protected whole(): Document {
    const live = this.open();
    if (this.#lenient !== null) {
      const whole = Object.assign(Object.create(null), live, this.reserved) as Document;
      for (const [key, isOptional] of this.#lenient) {
        if (!(key in whole)) continue;
        const value = asJson(whole[key]);
        if (isOptional && sameJson(value, {})) delete whole[key];
        else whole[key] = value;
      }
      return whole;
    }
    for (const _key in this.reserved) return Object.assign(Object.create(null), live, this.reserved) as Document;
    return live;
  }
}

/** What an object has under its keys; {@link UNREADABLE} where a getter throws. */
export function membersOf(object: Document): Document {
  const members = Object.create(null) as Document;
  for (const key of Object.keys(object)) {
    try {
      members[key] = object[key];
    } catch {
      members[key] = UNREADABLE;
    }
  }
  return members;
}

/** The JSON text of a value; empty where there is none. */
export function textOrNone(value: unknown): string {
  try {
    return (JSON.stringify(value, refuseSparse) as string | undefined) ?? '';
  } catch {
    return '';
  }
}

/** A copy that shares nothing with the document. */
export function copyOf(document: Document): Document {
  const copy = Object.create(null) as Document;
  for (const key in document) copy[key] = copyJson(document[key]);
  return copy;
}
