import { type ExecutionContext, ForbiddenException, UnauthorizedException } from '@nestjs/common';
import type { ActiveSession } from '../../session/active-session.js';
import { contextOf } from '../context/context-of.js';
import { noSession } from '../context/session-context.js';
import type { SessionSource } from '../context/session-source.js';
import { metadataOf } from '../session.metadata.js';
import { toWsException } from '../ws-exception.js';
import type { Requirements } from './route-access.js';

/**
 * Whether a visitor may call a handler, by what its decorators require as a whole.
 *
 * @returns `false` where no user can be signed in, such as in a microservice
 * @throws an `HttpException` (or what gateways have for it) where the visitor may not
 */
export async function checkAccess(source: SessionSource, context: ExecutionContext): Promise<boolean> {
  const { isPublic, isSkipped, renews, requirements } = metadataOf(context);
  if (isPublic) return true;
  const type = context.getType<string>();
  const sessionContext = isSkipped ? null : contextOf(source, context);
  // Nest says no to a message in the way of its transport.
  if (sessionContext === null && !['http', 'ws', 'graphql'].includes(type)) return false;
  if (sessionContext === null && !isSkipped) throw noSession('SessionGuard', type);
  try {
    const session = await sessionContext?.load();
    sessionContext?.use();
    sessionContext?.accessed(renews, context);
    // What a middleware or another guard has called may end it, or give it to another user.
    const called = sessionContext?.called() ?? null;
    if (called !== null) await called;
    if (!session?.isAuthenticated || !(await isLive(source, session))) {
      throw new UnauthorizedException('Sign in to go on.');
    }
    assertMeets(session, requirements, source.manager.now());
    if (sessionContext !== null) sessionContext.isAdmitted = true;
    return true;
  } catch (error) {
    throw await toWsException(sessionContext?.reported(error, true) ?? error, context);
  }
}

/**
 * Whether a session has not ended. `sessionMiddleware()` loads it before the body is read, which a client can hold back for minutes: by
 * then what is known of it may be wrong, its expiry too, which other requests move forward. A look-up that was late is no reason for
 * another. What this process has ended meanwhile may be this session: say, a guard before this one has revoked it.
 */
function isLive({ manager }: SessionSource, session: ActiveSession): boolean | Promise<boolean> {
  if (session.isGone) return false;
  const isKnown = manager.isFresh(session) && !session.mayHaveEnded;
  return isKnown ? !session.isExpired() : manager.isStillSignedIn(session);
}

/** @throws an HttpException when the session does not meet all requirements. */
function assertMeets(session: ActiveSession, requirements: readonly Requirements[], now: number): void {
  const { avatar, authenticatedAt } = session;
  for (const { roles, permissions } of requirements) {
    const hasRole = roles.length === 0 || avatar.hasAnyRole(...roles);
    if (!hasRole || !permissions.every((permission) => avatar.hasPermission(permission))) {
      throw new ForbiddenException('You may not do this.');
    }
  }
  // Last: who lacks a role should not be asked to sign in again first.
  for (const { within } of requirements) {
    if (within !== null && (authenticatedAt === null || now - authenticatedAt.getTime() > within)) {
      throw new UnauthorizedException('Sign in again to go on.');
    }
  }
}
