import { inspect } from 'node:util';

/** A token: a session's id, and its secret. */
const TOKEN = /[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}\.([\w-]{43})(?![\w-])/g;
/** What could have a secret in it, however that is written: in base64url, base64, or hexadecimal digits. */
const RUN = /[\w+/=-]{43,}/g;
/** Of a text, what stays as it is wherever it is quoted, and is long enough to be nothing else. */
const WORDS = /[\p{L}\d @._:-]{6,}/gu;
/** How much of a text is shown before and after what should not be in it. */
const AROUND = 80;

/** Looks for secrets in all that is said where none may be, and for words. */
export class LeakWatch {
  /** How many texts were looked at, by where they were said. */
  readonly looked = new Map<string, number>();
  readonly #secrets = new Set<string>();
  readonly #words = new Set<string>();
  /** What could be a secret, and is looked at once all are known: by where it was said, with the text around it. */
  readonly #runs = new Map<string, Map<string, string>>();
  readonly #wordsSaid = new Map<string, string>();

  /** Has it look for the secrets of the tokens in a text, whether said before or after. */
  issued(text: string): void {
    for (const [, secret = ''] of text.matchAll(TOKEN)) this.#secrets.add(secret);
  }

  /** Has it look for the texts in a value, from now on. @param json the value as JSON */
  forbid(json: string): void {
    JSON.parse(json, (_key, value: unknown) => {
      if (typeof value === 'string') for (const [words] of value.matchAll(WORDS)) this.#words.add(words);
    });
  }

  /** Ends the search for what was forbidden. */
  allow(): void {
    this.#words.clear();
  }

  said(where: string, value: unknown): void {
    this.looked.set(where, (this.looked.get(where) ?? 0) + 1);
    this.#look(where, value);
  }

  /** Where secrets and words were said since the last call, with the text around one. */
  taken(): Map<string, string> {
    const forms = new Set(Array.from(this.#secrets, formsOf).flat());
    const lengths = new Set(Array.from(forms, (form) => form.length));
    const found = new Map(this.#wordsSaid);
    for (const [where, runs] of this.#runs) {
      for (const [run, text] of runs) if (hasOneOf(run, forms, lengths)) found.set(where, text);
    }
    this.#runs.clear();
    this.#wordsSaid.clear();
    return found;
  }

  get secrets(): number {
    return this.#secrets.size;
  }

  #look(where: string, value: unknown): void {
    if (typeof value === 'string') this.#lookAt(where, value);
    else if (value instanceof Uint8Array) {
      const bytes = Buffer.from(value);
      for (const encoding of ['latin1', 'hex'] as const) this.#lookAt(where, bytes.toString(encoding));
    } else if (Array.isArray(value)) {
      for (const item of value) this.#look(where, item);
    } else if (typeof value === 'object' && value !== null) {
      // As a logger prints it; bytes without the blanks between them.
      const text = inspect(value, {
        depth: 9,
        maxArrayLength: null,
        maxStringLength: null,
        breakLength: Infinity,
        compact: true,
      });
      this.#lookAt(
        where,
        text.replaceAll(/<Buffer ([\da-f ]+)>/g, (_, digits: string) => digits.replaceAll(' ', '')),
      );
    }
  }

  #lookAt(where: string, text: string): void {
    for (const word of this.#words) if (text.includes(word)) this.#wordsSaid.set(where, around(text, word));
    if (text.length < 43) return;
    const runs = this.#runs.get(where) ?? new Map<string, string>();
    this.#runs.set(where, runs);
    for (const [run] of text.matchAll(RUN)) if (!runs.has(run)) runs.set(run, around(text, run));
  }
}

/** Of a test file: what its applications log, emit, count and send to the database, and what they leave there. */
export const watch = new LeakWatch();

function around(text: string, part: string): string {
  const at = text.indexOf(part);
  return text.slice(Math.max(0, at - AROUND), at + part.length + AROUND);
}

/** A secret as base64url, its bytes and its characters as hexadecimal digits. */
function formsOf(secret: string): string[] {
  return [secret, Buffer.from(secret, 'base64url').toString('hex'), Buffer.from(secret).toString('hex')];
}

function hasOneOf(run: string, forms: ReadonlySet<string>, lengths: ReadonlySet<number>): boolean {
  const written = [run.replaceAll('+', '-').replaceAll('/', '_'), run.toLowerCase()];
  for (const length of lengths) {
    for (let at = 0; at + length <= run.length; at++) {
      if (written.some((text) => forms.has(text.slice(at, at + length)))) return true;
    }
  }
  return false;
}
