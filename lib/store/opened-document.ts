import { bytesOfText } from './kept-session.js';

/** A sealed text, and what it says. */
export interface OpenedText {
  readonly sealed: string;
  readonly plain: string;
}

/** A member that can be read: its sealed text, `null` where it is stored as it is; and its plain JSON text. */
export interface OpenedMember {
  readonly sealed: string | null;
  readonly plain: string;
}

/** Where a sealed text stood in the stored document when that was opened, and what it says in the plain one. */
interface Place {
  readonly sealedAt: number;
  readonly sealedEnd: number;
  readonly plainAt: number;
  readonly plainEnd: number;
}

/** A member that was changed since. */
interface Change extends OpenedText {
  readonly place: Place;
}

/** Of a text that is not found. */
const LOST = -1;
/** With more of them, it is no less work to read the document anew. */
const MOST_CHANGES = 16;
/** What a place takes, with its entry in a map, and what a change takes besides its characters, in bytes; as measured. */
const PLACE_SIZE = 120;
const CHANGE_SIZE = 200;

/**
 * A session's data, once opened: the stored document, the plain one, and where the sealed members stand in both. What was changed
 * since is kept beside them: new texts of a kilobyte with each change would keep the garbage collector busy.
 */
export class OpenedDocument {
  readonly #sealed: string;
  readonly #plain: string;
  readonly #places: ReadonlyMap<string, Place>;
  /** Whether the stored document is made of these members, in their order, and of nothing else. */
  readonly #isWhole: boolean;
  /** In the order of the places. */
  readonly #changes: ReadonlyMap<string, Change>;
  /** Of the stored document. */
  readonly #length: number;
  /** Of what was opened at first, in bytes. */
  readonly #size: number;

  private constructor(
    sealed: string,
    plain: string,
    places: ReadonlyMap<string, Place>,
    isWhole: boolean,
    changes: ReadonlyMap<string, Change>,
    size: number,
  ) {
    this.#sealed = sealed;
    this.#plain = plain;
    this.#places = places;
    this.#isWhole = isWhole;
    this.#changes = changes;
    this.#size = size;
    let length = sealed.length;
    for (const { sealed: text, place } of changes.values()) length += text.length - (place.sealedEnd - place.sealedAt);
    this.#length = length;
  }

  /** @param members by key, in the order of the parsed document */
  static of(sealed: string, members: ReadonlyMap<string, OpenedMember>): OpenedDocument {
    const places = new Map<string, Place>();
    const texts: string[] = [];
    let [sealedEnd, plainEnd] = [0, 0];
    let isWhole = true;
    for (const [key, member] of members) {
      const name = `${JSON.stringify(key)}:`;
      const plainAt = plainEnd + 1 + name.length;
      plainEnd = plainAt + member.plain.length;
      texts.push(name + member.plain);
      // Of what comes in another order than it is written in, each would be looked for to the end, and in vain.
      const isSought = member.sealed !== null && sealedEnd !== LOST;
      const sealedAt = isSought ? sealed.indexOf(member.sealed, sealedEnd) : LOST;
      isWhole &&= sealedAt !== LOST && isBetween(sealed.slice(sealedEnd, sealedAt), name, places.size === 0);
      if (member.sealed === null) continue;
      sealedEnd = sealedAt === LOST ? LOST : sealedAt + member.sealed.length;
      if (sealedAt !== LOST) places.set(key, { sealedAt, sealedEnd, plainAt, plainEnd });
    }
    isWhole &&= sealed.slice(sealedEnd) === '"}';
    const plain = `{${texts.join(',')}}`;
    const size = sealed.length + bytesOfText(plain) + places.size * PLACE_SIZE;
    return new OpenedDocument(sealed, plain, places, isWhole, new Map(), size);
  }

  /** What it takes of memory, in bytes. */
  get size(): number {
    let bytes = this.#size;
    for (const { sealed, plain } of this.#changes.values()) bytes += CHANGE_SIZE + sealed.length + bytesOfText(plain);
    return bytes;
  }

  /** Whether this is the document that is stored: none is, where that is `null`. */
  is(stored: string | null): boolean {
    if (stored?.length !== this.#length) return false;
    let [from, at] = [0, 0];
    for (const { sealed, place } of this.#changes.values()) {
      const before = this.#sealed.slice(from, place.sealedAt);
      if (!stored.startsWith(before, at) || !stored.startsWith(sealed, at + before.length)) return false;
      at += before.length + sealed.length;
      from = place.sealedEnd;
    }
    return stored.startsWith(this.#sealed.slice(from), at);
  }

  get plain(): string {
    let [text, from] = ['', 0];
    for (const { plain, place } of this.#changes.values()) {
      text += this.#plain.slice(from, place.plainAt) + plain;
      from = place.plainEnd;
    }
    return from === 0 ? this.#plain : text + this.#plain.slice(from);
  }

  /** A member: its sealed text, and what it says; `null` where it is stored as it is, or not at all. */
  member(key: string): OpenedText | null {
    const change = this.#changes.get(key);
    if (change !== undefined) return change;
    const place = this.#places.get(key);
    if (place === undefined) return null;
    const { sealedAt, sealedEnd, plainAt, plainEnd } = place;
    return { sealed: this.#sealed.slice(sealedAt, sealedEnd), plain: this.#plain.slice(plainAt, plainEnd) };
  }

  /**
   * The document as it will be stored once some members have been changed; `null` where that cannot be told, or takes more than to
   * read it. Whether it is, must be asked: another change may come in between.
   */
  changed(texts: ReadonlyMap<string, OpenedText>): OpenedDocument | null {
    if (!this.#isWhole) return null;
    const changes = new Map(this.#changes);
    for (const [key, { sealed, plain }] of texts) {
      const place = this.#places.get(key);
      if (place === undefined || changes.size > MOST_CHANGES) return null;
      changes.set(key, { sealed, plain, place });
    }
    const ordered =
      changes.size === 1
        ? changes
        : new Map([...changes].toSorted(([, one], [, other]) => one.place.sealedAt - other.place.sealedAt));
    return new OpenedDocument(this.#sealed, this.#plain, this.#places, true, ordered, this.#size);
  }
}

/** Whether a text is all that stands between one sealed member and the next, as PostgreSQL writes it or as JSON.stringify() does. */
function isBetween(text: string, name: string, isFirst: boolean): boolean {
  const [start, spaced] = isFirst ? ['{', '{'] : ['",', '", '];
  return text === `${spaced}${name} "` || text === `${start}${name}"`;
}
