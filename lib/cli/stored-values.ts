import { parseObject } from '../session/data/json.js';
import type { StoredSession } from '../session/stored-session.js';
import { KeyRing } from '../store/encryption.js';
import { escaped } from '../shown.js';

const SEALED = 'sealed; needs the application’s key';
const UNREADABLE = 'unreadable; it is no JSON of an object';

/** What a session holds, as a program and as a person read it. */
export interface StoredValues {
  readonly json: {
    /** `null` where it cannot be read. */
    readonly data: Record<string, unknown> | null;
    readonly auth: unknown;
    /** What is sealed, and therefore `null` above: `auth`, `data.cart`, … */
    readonly sealed: readonly string[];
  };
  readonly lines: readonly string[];
}

/** Opens nothing that is sealed. */
export function readStored({ data, auth }: Pick<StoredSession, 'data' | 'auth'>): StoredValues {
  const document = parseObject(data);
  const values: [name: string, value: unknown][] = [
    ['auth', auth === null ? null : (JSON.parse(auth) as unknown)],
    ...Object.entries(document ?? {}).map(([key, value]): [string, unknown] => [`data.${key}`, value]),
  ];
  const sealed = values.filter(([, value]) => isSealed(value)).map(([name]) => name);
  const lines = values.map(
    ([name, value]) => `${escaped(name)}  ${isSealed(value) ? SEALED : escaped(JSON.stringify(value))}`,
  );
  if (document === null) lines.push(`data  ${UNREADABLE}`);
  const opened =
    document && Object.fromEntries(Object.entries(document).map(([key, value]) => [key, unlessSealed(value)]));
  return { json: { data: opened, auth: unlessSealed(values[0]?.[1]), sealed }, lines };
}

function isSealed(value: unknown): boolean {
  return typeof value === 'string' && KeyRing.isSealed(value);
}

function unlessSealed(value: unknown): unknown {
  return isSealed(value) ? null : value;
}
