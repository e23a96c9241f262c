import type { SessionId } from '../session/token.js';

/** What is known of a login. Times are milliseconds of the clock that set them. */
interface LoginTimes {
  readonly id: SessionId;
  /** `null`: it is none, as of a session that was taken over. */
  readonly authenticatedAt: number | null;
  readonly readAt: number;
}

/** The newest logins first, and of two at once the later id. One in the future is from before the clock was set back: it is old. */
export function newestFirst<Of extends LoginTimes>(logins: readonly Of[]): Of[] {
  return logins.toSorted(
    (one, other) =>
      ageGroup(one) - ageGroup(other) ||
      Number(other.authenticatedAt) - Number(one.authenticatedAt) ||
      (one.id < other.id ? 1 : -1),
  );
}

function ageGroup({ authenticatedAt, readAt }: LoginTimes): number {
  if (authenticatedAt === null) return 2;
  return authenticatedAt > readAt ? 1 : 0;
}
