import { met } from './by-design.js';
import { KEPT } from './notes.js';
import type { SessionCookie } from './request.js';

/** Without what express-session shows besides, and what connect-flash leaves there. */
export function dataOf(session: object): object {
  const { cookie, flash, [KEPT]: _kept, ...data } = JSON.parse(JSON.stringify(session)) as Record<string, unknown>;
  if (cookie !== undefined) met('cookieAmongKeys');
  const isEmpty = typeof flash === 'object' && flash !== null && Object.keys(flash).length === 0;
  if (isEmpty) met('emptyFlash');
  return flash === undefined || isEmpty ? data : { ...data, flash };
}

export const isFilled = (session: object): boolean => Object.keys(dataOf(session)).length > 0;

export function keysOf(session: object): string[] {
  const keys = Object.keys(session);
  if (keys.includes('cookie')) met('cookieAmongKeys');
  const { flash } = session as { flash?: object };
  const isEmpty = typeof flash === 'object' && Object.keys(flash).length === 0;
  return keys.filter((key) => key !== 'cookie' && key !== KEPT && !(key === 'flash' && isEmpty)).toSorted();
}

/** Times in minutes, for both sides are not asked at the same moment. */
export function cookieOf({ maxAge, originalMaxAge, expires, path, httpOnly }: SessionCookie): unknown {
  const minutes = (milliseconds: number): number => Math.round(milliseconds / 60_000);
  return {
    maxAge: minutes(maxAge),
    originalMaxAge: minutes(originalMaxAge),
    expires: minutes(expires.getTime() - Date.now()),
    path,
    httpOnly,
  };
}

export const nameOf = (error: unknown): string =>
  error instanceof Error ? ((error as { code?: string }).code ?? error.name) : String(error);
