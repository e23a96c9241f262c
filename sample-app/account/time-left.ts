import type { Session } from 'nestjs-mikro-session';

/** In how many seconds a session ends, if its visitor stays away. */
export function secondsLeft(session: Session): number {
  return Math.max(0, Math.floor((session.expiresAt.getTime() - Date.now()) / 1_000));
}
