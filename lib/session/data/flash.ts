import { v7 as uuidv7 } from 'uuid';
import { isPlainObject } from './json.js';

/** A one-time message: shown by the first request that reads it, then gone. */
export interface FlashMessage {
  /** What it is about, e.g. `success` or `error`. */
  readonly category: string;
  /** What it says: usually a text, but any JSON value will do. */
  readonly message: unknown;
}

/** Keys of this library's own, which an application's data cannot use. */
export const RESERVED = '$';

const FLASH = `${RESERVED}flash:`;

/**
 * The top-level key for a new message. Each has one of its own, which sorts by time: so messages of parallel requests
 * merge like any other keys.
 */
export function newFlashKey(): string {
  return FLASH + uuidv7();
}

/** Whether a reserved key holds a flash message. */
export function isFlashKey(key: string): boolean {
  return key.startsWith(FLASH);
}

/** Whether what is stored under such a key is a message: another hand may have put there anything. */
export function isFlashMessage(value: unknown): value is FlashMessage {
  return isPlainObject(value) && typeof value['category'] === 'string';
}
