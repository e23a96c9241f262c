import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, type KeyObject, randomBytes } from 'node:crypto';
import { types } from 'node:util';
import type { SessionId } from '../session/token.js';
import { valuesOf } from '../session/data/found-values.js';
import { itemsOf, kindOf, parseObject } from '../session/data/json.js';
import { inQuotes } from '../shown.js';
import type { StoredSession } from '../session/stored-session.js';
import { SessionConfigurationError, SessionDataError } from '../session.errors.js';
import { OpenedDocument, type OpenedMember, type OpenedText } from './opened-document.js';
import { NOTHING_OPENED, type OpenedSession, type OpenedTexts } from './opened-texts.js';
import { Reported } from './reported.js';

/** 32 random bytes, as they are (`Buffer`, `Uint8Array`) or as base64, base64url or hex text. */
export type EncryptionKey = string | Uint8Array;

const ALGORITHM = 'aes-256-gcm';
const KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** How everything sealed begins. */
const SEAL = '$enc';
const VERSION = `${SEAL}1.`;
const ID_BYTES = 6;
const ID_END = VERSION.length + (ID_BYTES / 3) * 4;

// Keys for this purpose only: a secret that is used elsewhere, too, gives nothing away here.
const PURPOSE = 'nestjs-mikro-session encryption v1';

/** The same, of this version or any other, and the name of its key, eight characters, between two dots. */
const SEALED = /^\$enc\d+\.[\w-]{8}\./;

const HEX = /^[\da-f]{64}$/i;
// The last character carries only four bits, so only 16 of the 64 can end 32 bytes.
const BASE64 = /^[\w+/-]{42}[AEIMQUYcgkosw048]=?$/;

const HOW_TO_MAKE_ONE = `Make one: node -e "console.log(require('node:crypto').randomBytes(32).toString('base64'))"`;

/**
 * Seals texts under the newest of some keys, and opens those that any of them has sealed: AES-256-GCM, so that what was
 * tampered with does not open.
 *
 * A sealed text is `$enc1.<key id>.<base64url of IV, ciphertext and tag>`, 4/3 of the plain one (in bytes of UTF-8) and
 * 53 characters. Its IV is random, so one key is good for 2³² texts (NIST SP 800-38D, 8.3): at 100 a second for more
 * than a year. A new key in front of the others starts the count anew.
 */
export class KeyRing {
  /** Names of the keys, newest first. They reveal nothing of the keys; each sealed text carries that of its own. */
  readonly ids: readonly string[];
  readonly #keys: ReadonlyMap<string, KeyObject>;
  readonly #newest: { readonly header: string; readonly key: KeyObject };

  /**
   * @param keys newest first; at least one
   * @throws {SessionConfigurationError} which names the kind and length of a wrong key, and never shows it.
   */
  constructor(keys: readonly EncryptionKey[]) {
    const derived = readKeys(keys).map(derive);
    const [newest] = derived as [(typeof derived)[number]];
    this.ids = Object.freeze(derived.map(({ id }) => id));
    this.#keys = new Map(derived.map(({ id, key }) => [id, key]));
    this.#newest = { header: `${VERSION}${newest.id}.`, key: newest.key };
    for (const [index, id] of this.ids.entries()) {
      const first = this.ids.indexOf(id);
      if (first === index) continue;
      throw new SessionConfigurationError(
        `SessionModule option "encryption.keys[${index}]" is the same key as "encryption.keys[${first}]". Fix: remove it.`,
      );
    }
  }

  /**
   * Whether a text is sealed, or says so. A version that is not known here does, too, and so does what was cut short: better
   * unreadable than taken for plain.
   */
  static isSealed(text: string): boolean {
    return SEALED.test(text);
  }

  /** @param context where the text belongs: it opens nowhere else */
  seal(plaintext: string, context: string): string {
    const { header, key } = this.#newest;
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv(ALGORITHM, key, iv, { authTagLength: TAG_BYTES });
    cipher.setAAD(Buffer.from(context));
    const sealed = Buffer.concat([iv, cipher.update(plaintext, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return header + sealed.toString('base64url');
  }

  /** The plain text; `null` if no key of the ring has sealed exactly this, for this context. */
  open(sealed: string, context: string): string | null {
    if (!sealed.startsWith(VERSION) || sealed[ID_END] !== '.') return null;
    const key = this.#keys.get(sealed.slice(VERSION.length, ID_END));
    if (key === undefined) return null;
    const body = sealed.slice(ID_END + 1);
    const bytes = Buffer.from(body, 'base64url');
    // A decoder forgives a lot; one text has one spelling.
    if (bytes.length < IV_BYTES + TAG_BYTES || bytes.toString('base64url') !== body) return null;
    const iv = bytes.subarray(0, IV_BYTES);
    const decipher = createDecipheriv(ALGORITHM, key, iv, { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.from(context));
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    const plain = decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES));
    try {
      decipher.final();
    } catch {
      return null;
    }
    return plain.toString();
  }
}

/** What is secret in a stored session, as JSON text. */
export type PlainText = Pick<StoredSession, 'auth' | 'data'>;

/** A stored document, read member by member. */
export interface DocumentReader {
  /** What is stored under a key, a JSON text; `null` where there is nothing, or null. */
  stored(key: string): string | null;
  /**
   * The plain value of it; `null` where there is none.
   *
   * @throws {SessionDataError} for what is sealed and cannot be opened: what is added to it would replace it, and another process
   *   may have its key.
   */
  value(key: string): unknown;
}

type Keep = (opened: () => Partial<OpenedSession>) => void;

/** Called with what cannot be read, `auth`, `data` or `data at "<key>"`, and never what it says. */
export type UnreadableListener = (id: SessionId, what: string) => void;

/** Seals and opens what a session holds, as JSON text that holds sealed texts. What cannot be opened is absent. */
export class SessionCipher {
  readonly #keys: KeyRing | null;
  /** `null`: what is written stays plain. */
  readonly #sealing: KeyRing | null;
  readonly #onUnreadable: UnreadableListener;
  readonly #acceptsPlain: boolean;
  readonly #opened: OpenedTexts | null;
  readonly #reported = new Reported();

  /**
   * @param keys `null`: none, by which nothing opens, and nothing is sealed
   * @param onUnreadable called once for each value, as far as can be remembered
   * @param acceptsPlain whether what is not sealed reads as it is; else it is as what cannot be opened
   * @param opened keeps what was opened; `null`: nothing is kept
   * @param seals whether what is written is sealed
   */
  constructor(
    keys: KeyRing | null,
    onUnreadable: UnreadableListener,
    acceptsPlain = true,
    opened: OpenedTexts | null = null,
    seals = true,
  ) {
    this.#keys = keys;
    this.#sealing = seals ? keys : null;
    this.#onUnreadable = onUnreadable;
    this.#acceptsPlain = acceptsPlain;
    this.#opened = opened;
  }

  /** As it is to be stored. */
  seal(id: SessionId, key: string, text: string): string {
    return this.#sealing === null ? text : JSON.stringify(this.#sealing.seal(text, dataContextOf(id, key)));
  }

  /** The same of all values of a commit, by key. */
  sealAll(id: SessionId, texts: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
    const keys = this.#sealing;
    if (keys === null) {
      assertPlain(texts);
      return texts;
    }
    const seal = (key: string, plain: string) => ({ sealed: keys.seal(plain, dataContextOf(id, key)), plain });
    const opened = new Map(Array.from(texts, ([key, plain]) => [key, seal(key, plain)]));
    this.#opened?.addSealed(id, opened);
    return new Map(Array.from(opened, ([key, { sealed }]) => [key, JSON.stringify(sealed)]));
  }

  /** @param generation that of the login, under which alone it opens */
  sealAuth(id: SessionId, generation: number, auth: string | null): string | null {
    const keys = this.#sealing;
    return auth && keys ? JSON.stringify(keys.seal(auth, authContextOf(id, generation))) : auth;
  }

  /** Seals each member of a document. */
  sealData(id: SessionId, data: string): string {
    if (this.#sealing === null) {
      assertPlainData(data);
      return data;
    }
    const members = Object.entries(parseObject(data) ?? {}).map(([key, value]) => {
      return `${JSON.stringify(key)}:${this.seal(id, key, JSON.stringify(value))}`;
    });
    return `{${members.join(',')}}`;
  }

  reader(id: SessionId, data: string): DocumentReader {
    const known = this.#knownOf(id).document;
    const storedAt = valuesOf(data);
    return {
      stored: (key) => {
        const stored = storedAt(key);
        return stored === null ? null : JSON.stringify(stored);
      },
      value: (key) => {
        const stored = storedAt(key);
        if (stored === null) return null;
        const plain = this.#plainMember(id, key, stored, known);
        if (plain === null && isSealed(stored)) throw cannotBeAddedTo(key);
        return JSON.parse(plain ?? 'null');
      },
    };
  }

  /** The same of a document that was opened lately, for some keys; `null` where one of them is not known. */
  knownReader(id: SessionId, keys: Iterable<string>): DocumentReader | null {
    const { document } = this.#knownOf(id);
    if (document === null) return null;
    const members = new Map<string, OpenedText>();
    for (const key of keys) {
      const member = document.member(key);
      if (member === null) return null;
      members.set(key, member);
    }
    const memberAt = (key: string): OpenedText => members.get(key) as OpenedText;
    return { stored: (key) => `"${memberAt(key).sealed}"`, value: (key) => JSON.parse(memberAt(key).plain) };
  }

  /** What is secret in a session of which all was opened lately, just as it is stored; else `null`. */
  known({ id, generation, auth, data }: StoredSession): PlainText | null {
    const { auth: opened, document } = this.#knownOf(id);
    if (document === null || !document.is(data)) return null;
    const plain = auth === null ? null : plainAuthOf(opened, auth, generation);
    return auth !== null && plain === null ? null : { auth: plain, data: document.plain };
  }

  /** Opens each of a session's secrets once, when it is first looked at. */
  open({ id, generation, auth, data }: StoredSession): PlainText {
    let isToKeep: boolean | undefined;
    const keep: Keep = (opened) => {
      if ((isToKeep ??= this.#opened?.isToKeep(id))) this.#opened?.add(id, opened());
    };
    const openAuth = (): string | null => (auth === null ? null : this.#openAuth(id, generation, auth, keep));
    const openData = (): string => this.#openData(id, data, keep);
    let openedAuth: string | null | undefined;
    let openedData: string | undefined;
    return {
      get auth() {
        return openedAuth === undefined ? (openedAuth = openAuth()) : openedAuth;
      },
      get data() {
        return (openedData ??= openData());
      },
    };
  }

  #openAuth(id: SessionId, generation: number, auth: string, keep: Keep): string | null {
    const known = plainAuthOf(this.#knownOf(id).auth, auth, generation);
    if (known !== null) return known;
    // A sealed text has nothing in it that JSON would escape.
    const plain = this.#open(id, 'auth', auth.slice(1, -1), () => auth, authContextOf(id, generation));
    if (plain !== null) keep(() => ({ auth: { sealed: auth, plain, generation } }));
    return plain;
  }

  #openData(id: SessionId, data: string, keep: Keep): string {
    const known = this.#knownOf(id).document;
    if (known?.is(data)) return known.plain;
    const document = parseObject(data);
    if (document === null) return this.#unreadableData(id, data);
    const members = new Map<string, OpenedMember>();
    for (const [key, stored] of Object.entries(document)) {
      const plain = this.#plainMember(id, key, stored, known);
      if (plain !== null) members.set(key, { sealed: isSealed(stored) ? stored : null, plain });
    }
    const opened = OpenedDocument.of(data, members);
    keep(() => ({ document: opened }));
    return opened.plain;
  }

  /** Of what is no document: it is plain, and where that is believed, for the reader to report. */
  #unreadableData(id: SessionId, data: string): string {
    if (this.#acceptsPlain) return data;
    this.#report(id, 'data');
    return '{}';
  }

  #knownOf(id: SessionId): OpenedSession {
    return this.#opened?.of(id) ?? NOTHING_OPENED;
  }

  /** @param known what the data were before, maybe */
  #plainMember(id: SessionId, key: string, value: unknown, known: OpenedDocument | null): string | null {
    const member = known?.member(key);
    if (member && member.sealed === value) return member.plain;
    return this.#open(id, `data at ${inQuotes(key)}`, value, () => JSON.stringify(value), dataContextOf(id, key));
  }

  /** @param plain its JSON text, if it is plain */
  #open(id: SessionId, what: string, value: unknown, plain: () => string, context: string): string | null {
    if (!isSealed(value) && this.#acceptsPlain) return plain();
    const text = isSealed(value) && this.#keys !== null ? this.#keys.open(value, context) : null;
    if (text === null) this.#report(id, what);
    return text;
  }

  #report(id: SessionId, what: string): void {
    if (this.#reported.isFirst(`${id} ${what}`)) this.#onUnreadable(id, what);
  }
}

/** A stored session in plain text, opened when it is read: of use where that is yet to be done, as such an object takes more to copy. */
export function present(stored: StoredSession, plain: PlainText): StoredSession {
  return {
    ...stored,
    get auth() {
      return plain.auth;
    },
    get data() {
      return plain.data;
    },
  };
}

/** A member whose value is sealed. Within a text, its quote would be escaped: so clients hardly have documents parsed for nothing. */
const SEALED_MEMBER = /:\s*"\$enc\d/;

/** Whether anything of a session is sealed, perhaps: found without parsing it. */
export function mayBeSealed({ auth, data }: StoredSession): boolean {
  return SEALED_MEMBER.test(data) || auth?.startsWith(`"${SEAL}`) === true;
}

/**
 * Refuses values that are to be stored plain, and would be taken for sealed ones.
 *
 * @param texts their JSON texts, by key
 * @throws {SessionDataError}
 */
export function assertPlain(texts: ReadonlyMap<string, string>): void {
  for (const [key, text] of texts)
    if (text.startsWith(`"${SEAL}`) && KeyRing.isSealed(text.slice(1))) throw likeSealed(key);
}

/** The same of a document. */
export function assertPlainData(data: string): void {
  if (!SEALED_MEMBER.test(data)) return;
  for (const [key, value] of Object.entries(parseObject(data) ?? {})) if (isSealed(value)) throw likeSealed(key);
}

/** What a sealed snapshot says, where it was opened under the same generation. */
function plainAuthOf(opened: OpenedSession['auth'], auth: string, generation: number): string | null {
  return opened?.sealed === auth && opened.generation === generation ? opened.plain : null;
}

function cannotBeAddedTo(key: string): SessionDataError {
  return new SessionDataError(
    key,
    `Session data at ${inQuotes(key)} cannot be decrypted here, so nothing can be added to it; nothing was saved. Put its key at the ` +
      'end of "encryption.keys", in every process, or set() the value anew.',
  );
}

function likeSealed(key: string): SessionDataError {
  return new SessionDataError(
    key,
    `Session data at ${inQuotes(key)} begins as encrypted values do, and would read as absent; nothing was saved. Store it ` +
      'within an object.',
  );
}

function isSealed(value: unknown): value is string {
  return typeof value === 'string' && KeyRing.isSealed(value);
}

// Where a sealed text belongs. Unambiguous, as an id has no NUL in it.

function dataContextOf(id: SessionId, key: string): string {
  return `data\0${id}\0${key}`;
}

/** With the generation, so that the snapshot of an earlier login does not open. */
function authContextOf(id: SessionId, generation: number): string {
  return `auth\0${id}\0${generation}`;
}

function derive(secret: Uint8Array): { id: string; key: KeyObject } {
  const bytes = (info: string, length: number): Buffer =>
    Buffer.from(hkdfSync('sha256', secret, '', `${PURPOSE} ${info}`, length));
  return { id: bytes('id', ID_BYTES).toString('base64url'), key: createSecretKey(bytes('key', KEY_BYTES)) };
}

function readKeys(keys: unknown): Uint8Array[] {
  const list = itemsOf(keys);
  if (list === null || list.length === 0) {
    const found = list === null ? kindOf(keys) : 'an empty one';
    throw new SessionConfigurationError(
      `SessionModule option "encryption.keys" must be a list of keys, newest first, but was ${found}. ${HOW_TO_MAKE_ONE}`,
    );
  }
  return list.map((key, index) => {
    const bytes = readKey(key);
    if (bytes?.length === KEY_BYTES) return bytes;
    throw new SessionConfigurationError(
      `SessionModule option "encryption.keys[${index}]" must be ${KEY_BYTES} bytes, as a Buffer or as base64, base64url ` +
        `or hex text, but was ${describe(key)}. ${HOW_TO_MAKE_ONE}`,
    );
  });
}

function readKey(key: unknown): Uint8Array | null {
  if (types.isUint8Array(key)) return key;
  if (typeof key !== 'string') return null;
  // A file's last line ends with a line break.
  const text = key.trim();
  if (HEX.test(text)) return Buffer.from(text, 'hex');
  return BASE64.test(text) ? Buffer.from(text, 'base64') : null;
}

/** What a key is and how long; never what it says. */
function describe(key: unknown): string {
  if (typeof key === 'string') return `a string of ${key.length} characters`;
  return types.isUint8Array(key) ? `${kindOf(key)} of ${key.length} bytes` : kindOf(key);
}
