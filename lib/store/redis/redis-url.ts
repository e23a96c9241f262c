import type { Address, ConnectionSettings } from './node-redis.js';

/** Where a URL of Redis leads. */
export function addressIn({ hostname, port }: URL): Address {
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 6379) };
}

/** The user and the password that it names. */
export function credentialsIn({ username, password }: URL): Pick<ConnectionSettings, 'username' | 'password'> {
  return {
    ...(username !== '' && { username: decodeURIComponent(username) }),
    ...(password !== '' && { password: decodeURIComponent(password) }),
  };
}

/** Whether its user and its password can be read. */
export function isEscaped(url: URL): boolean {
  try {
    credentialsIn(url);
    return true;
  } catch {
    return false;
  }
}

/** Whether it names no other database than the first, in which sessions are. */
export function isOfFirstDatabase({ pathname }: URL): boolean {
  return /^\/?0?$/.test(pathname);
}

/** Whether it says more than is understood, such as `?db=5`. */
export function hasMore({ href }: URL): boolean {
  return /[?#]/.test(href);
}

export function isTls({ protocol }: URL): boolean {
  return protocol === 'rediss:';
}
