import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

const derive = promisify<string, Buffer, number, Buffer>(scrypt);
const KEY_LENGTH = 32;

export interface PasswordHash {
  readonly salt: Buffer;
  readonly key: Buffer;
}

export async function hashPassword(password: string): Promise<PasswordHash> {
  const salt = randomBytes(16);
  return { salt, key: await derive(password, salt, KEY_LENGTH) };
}

export async function isPassword(password: string, { salt, key }: PasswordHash): Promise<boolean> {
  return timingSafeEqual(await derive(password, salt, KEY_LENGTH), key);
}
