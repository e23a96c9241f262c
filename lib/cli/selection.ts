import { isUserId } from '../session/signing-in.js';
import { isSessionId, type SessionId } from '../session/token.js';
import type { Arguments } from './arguments.js';
import { UsageError } from './usage-error.js';

/** The user that `--user` names, if it is there. @throws {UsageError} for what no user is called */
export function userOf(args: Arguments): string | undefined {
  const user = args.text('user');
  if (user === undefined || isUserId(user)) return user;
  throw new UsageError('The value of "--user" is no id of a user: at most 512 whole characters.');
}

/** @throws {UsageError} for what is no session's id */
export function sessionIdOf(text: string): SessionId {
  const id = text.toLowerCase();
  if (isSessionId(id)) return id;
  // It is not repeated: perhaps it is what opens a session.
  throw new UsageError('That is no id of a session: it is a UUID, the part of a token before the dot.');
}
