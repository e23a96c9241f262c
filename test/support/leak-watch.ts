import { inspect } from 'node:util';

/** A token of this library, with its secret. */
const TOKEN = /[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}\.([\w-]{43})(?![\w-])/g;
/** What could have a secret in it, however it is written: as base64, base64url, or in hexadecimal digits. */
const RUN = /[\w+/=-]{43,}/g;

/** Looks for secrets in all that is said where none may be. Keeps what could be one, as the secret may become known later. */
export class LeakWatch {
  /** By where they were said. */
  readonly #runs = new Map<string, Set<string>>();
  readonly #secrets = new Set<string>();
  readonly #words = new Set<string>();
  /** Where one of the words was said. */
  readonly #wordsSaid = new Set<string>();
  /** How many texts were looked at, by where they were said. */
  readonly looked = new Map<string, number>();

  /** Takes the secrets out of what a client is given, as it should be. */
  issued(text: string): void {
    for (const [, secret = ''] of text.matchAll(TOKEN)) this.#secrets.add(secret);
  }

  /** Has it look for a word as well, from now on. */
  forbid(word: string): void {
    this.#words.add(word);
  }

  said(where: string, value: unknown): void {
    this.looked.set(where, (this.looked.get(where) ?? 0) + 1);
    this.#look(where, value);
  }

  /** Where secrets and words were said, since the last call. */
  taken(): string[] {
    const forms = formsOf(this.#secrets);
    const found = new Set(this.#wordsSaid);
    for (const [where, runs] of this.#runs) if ([...runs].some((run) => hasOneOf(run, forms))) found.add(where);
    this.#runs.clear();
    this.#wordsSaid.clear();
    return [...found].toSorted();
  }

  get secrets(): number {
    return this.#secrets.size;
  }

  #look(where: string, value: unknown): void {
    if (typeof value === 'string') {
      for (const word of this.#words) if (value.includes(word)) this.#wordsSaid.add(where);
      if (value.length < 43) return;
      const runs = this.#runs.get(where) ?? new Set();
      this.#runs.set(where, runs);
      for (const [run] of value.matchAll(RUN)) runs.add(run);
    } else if (value instanceof Uint8Array) {
      const bytes = Buffer.from(value);
      for (const encoding of ['latin1', 'base64url'] as const) this.#look(where, bytes.toString(encoding));
    } else if (Array.isArray(value)) {
      for (const item of value) this.#look(where, item);
    } else if (typeof value === 'object' && value !== null) {
      const text = inspect(value, { depth: 9, maxArrayLength: null, maxStringLength: null, breakLength: Infinity });
      this.#look(
        where,
        text.replaceAll(/<Buffer ([\da-f ]+)/g, (_, digits: string) => digits.replaceAll(' ', '')),
      );
    }
  }
}

/** How a secret may be written, by the length of that. */
function formsOf(secrets: Iterable<string>): Map<number, Set<string>> {
  const forms = new Map<number, Set<string>>();
  for (const secret of secrets) {
    const bytes = Buffer.from(secret, 'base64url');
    const all = [
      secret,
      bytes.toString('base64').slice(0, 43),
      bytes.toString('hex'),
      Buffer.from(secret).toString('hex'),
    ];
    for (const form of all) forms.set(form.length, (forms.get(form.length) ?? new Set()).add(form));
  }
  return forms;
}

function hasOneOf(run: string, forms: ReadonlyMap<number, ReadonlySet<string>>): boolean {
  for (const [length, all] of forms) {
    for (let at = 0; at + length <= run.length; at++) {
      const piece = run.slice(at, at + length);
      if (all.has(piece) || (length > 43 && all.has(piece.toLowerCase()))) return true;
    }
  }
  return false;
}
