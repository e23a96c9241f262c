import type { DataChanges } from '../session/data/changes.js';
import { SessionDataError } from '../session.errors.js';

/** @throws {SessionDataError} for a snapshot of a login that is bigger than the data of a session may be. */
export function refuseLargeAuth(auth: string | null, maxDataBytes: number): void {
  if (auth === null) return;
  // The exact size takes parsing, which is not done with what is too big anyway.
  if (Buffer.byteLength(auth) <= maxDataBytes && jsonbBytes(JSON.parse(auth)) <= maxDataBytes) return;
  throw new SessionDataError(
    'auth',
    `The snapshot of the user that login() was given would exceed ${maxDataBytes} bytes of JSON. Keep ids in it and look up ` +
      'the rest, or raise the option "maxDataBytes", which bounds the data and the snapshot, each by itself.',
  );
}

/** The error for data that is too big. */
export function tooLargeData(maxDataBytes: number): SessionDataError {
  return new SessionDataError(
    '',
    `The session's data would exceed ${maxDataBytes} bytes of JSON. Keep large things elsewhere and an id ` +
      'here, or raise the option "maxDataBytes".',
  );
}

/** What to say of an addition to what is there by now. */
export const UNFIT =
  'increment() or push() met a value of another kind, which a parallel request has put there, or the sum is out of range';

/** The error for it. */
export function unfitData(): SessionDataError {
  return new SessionDataError('', `The database refused the changes to the session: ${UNFIT}.`);
}

/** How many bytes changes certainly add up to, where nothing that is there goes: what is over the limit is not sent. */
export function lengthOf(changes: DataChanges | null): number {
  let length = 0;
  if (changes === null) return length;
  for (const [key, text] of [...changes.set, ...changes.push]) length += key.length + text.length;
  for (const key of changes.increment.keys()) length += key.length;
  return length;
}

/**
 * How many bytes of text PostgreSQL makes of a value that it keeps as `jsonb`: with a blank after each comma and colon, and all
 * digits of a number (1e300 has 301).
 */
export function jsonbBytes(value: unknown): number {
  if (typeof value === 'number') return numberLength(String(value));
  if (typeof value !== 'object' || value === null) return Buffer.byteLength(JSON.stringify(value));
  const items = Array.isArray(value) ? value : Object.values(value);
  let bytes = items.reduce<number>((sum, item) => sum + jsonbBytes(item), Math.max(2, 2 * items.length));
  if (!Array.isArray(value)) for (const key of Object.keys(value)) bytes += jsonbBytes(key) + 2;
  return bytes;
}

/** How many characters a number has without its exponent. */
function numberLength(text: string): number {
  const [mantissa = '', exponent] = text.split('e');
  if (exponent === undefined) return text.length;
  const digits = mantissa.replace(/[-.]/g, '').length;
  const sign = mantissa.startsWith('-') ? 1 : 0;
  return Number(exponent) > 0 ? sign + Number(exponent) + 1 : sign + 1 - Number(exponent) + digits;
}
