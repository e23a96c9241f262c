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

/** Where a sealed text stands in the stored document, and what it says in the plain one. */
interface Place {
  readonly sealedAt: number;
  readonly sealedEnd: number;
  readonly plainAt: number;
  readonly plainEnd: number;
}

/** What a place takes, with its entry in a map, in bytes; as measured. */
const PLACE_SIZE = 120;

/** Of a text that is not found. */
const LOST = -1;

/** A session's data, once opened: the stored document, the plain one, and where the sealed members stand in both. */
export class OpenedDocument {
  readonly sealed: string;
  readonly plain: string;
  /** In the order of both documents. */
  readonly #places: ReadonlyMap<string, Place>;
  /** Whether the stored document is made of these members, and of nothing else. */
  readonly #isWhole: boolean;

  private constructor(sealed: string, plain: string, places: ReadonlyMap<string, Place>, isWhole: boolean) {
    this.sealed = sealed;
    this.plain = plain;
    this.#places = places;
    this.#isWhole = isWhole;
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
    return new OpenedDocument(sealed, `{${texts.join(',')}}`, places, isWhole);
  }

  /** In bytes, besides the characters. */
  get overhead(): number {
    return this.#places.size * PLACE_SIZE;
  }

  /** The sealed text of a member; `null` where it is not known. */
  sealedOf(key: string): string | null {
    const place = this.#places.get(key);
    return place === undefined ? null : this.sealed.slice(place.sealedAt, place.sealedEnd);
  }

  /** The plain text of a member; `null` where this is not what is stored under its key. */
  plainOf(key: string, stored: unknown): string | null {
    const place = this.#places.get(key);
    if (place === undefined || typeof stored !== 'string') return null;
    const { sealedAt, sealedEnd, plainAt, plainEnd } = place;
    const isSame = stored.length === sealedEnd - sealedAt && this.sealed.startsWith(stored, sealedAt);
    return isSame ? this.plain.slice(plainAt, plainEnd) : null;
  }

  /**
   * What is stored once some members have been changed; `null` where that cannot be told. Not what will be there for certain: another
   * change may come in between.
   */
  changed(texts: ReadonlyMap<string, OpenedText>): OpenedDocument | null {
    if (!this.#isWhole) return null;
    for (const key of texts.keys()) if (!this.#places.has(key)) return null;
    const places = new Map<string, Place>();
    const [sealed, plain]: [string[], string[]] = [[], []];
    let [sealedFrom, plainFrom, sealedMore, plainMore] = [0, 0, 0, 0];
    for (const [key, place] of this.#places) {
      const text = texts.get(key);
      const moved = { ...place, sealedAt: place.sealedAt + sealedMore, plainAt: place.plainAt + plainMore };
      if (text !== undefined) {
        sealed.push(this.sealed.slice(sealedFrom, place.sealedAt), text.sealed);
        plain.push(this.plain.slice(plainFrom, place.plainAt), text.plain);
        [sealedFrom, plainFrom] = [place.sealedEnd, place.plainEnd];
        sealedMore += text.sealed.length - (place.sealedEnd - place.sealedAt);
        plainMore += text.plain.length - (place.plainEnd - place.plainAt);
      }
      places.set(key, { ...moved, sealedEnd: place.sealedEnd + sealedMore, plainEnd: place.plainEnd + plainMore });
    }
    sealed.push(this.sealed.slice(sealedFrom));
    plain.push(this.plain.slice(plainFrom));
    // Joined, and not added: what is added keeps hold of what it was made of.
    return new OpenedDocument(sealed.join(''), plain.join(''), places, true);
  }
}

/** Whether a text is all that stands between one sealed member and the next, as PostgreSQL writes it or as JSON.stringify() does. */
function isBetween(text: string, name: string, isFirst: boolean): boolean {
  const [start, spaced] = isFirst ? ['{', '{'] : ['",', '", '];
  return text === `${spaced}${name} "` || text === `${start}${name}"`;
}
