import { createDecipheriv, hkdfSync } from 'node:crypto';

const SEALED = /^\$enc1\.[\w-]{8}\.([\w-]+)$/;

/**
 * The plain text of a sealed value, by no code of the library's: the format is that of its encryption, version 1.
 *
 * @param key base64 of the 32 bytes
 * @throws {Error} when it was not sealed by this key, or for another place
 */
export function decrypted(sealed: unknown, key: string, place: string): string {
  const body = SEALED.exec(String(sealed))?.[1];
  if (body === undefined) throw new Error(`It is not sealed: ${JSON.stringify(sealed)}`);
  const bytes = Buffer.from(body, 'base64url');
  const secret = Buffer.from(key, 'base64');
  const derived = Buffer.from(hkdfSync('sha256', secret, '', 'nestjs-mikro-session encryption v1 key', 32));
  const decipher = createDecipheriv('aes-256-gcm', derived, bytes.subarray(0, 12));
  decipher.setAAD(Buffer.from(place));
  decipher.setAuthTag(bytes.subarray(-16));
  return decipher.update(bytes.subarray(12, -16), undefined, 'utf8') + decipher.final('utf8');
}
