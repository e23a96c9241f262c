import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { AuthSnapshot, Avatar } from '../session/avatar.js';
import type { SessionPath } from '../session/paths.js';
import type { Session as SessionContract } from '../session/session.js';
import { SessionSetupError } from '../session.errors.js';
import { type PlatformRequest, RequestSession } from './request-session.js';

/** The visitor's session: see the members. As a value, the parameter decorator of the same name. */
export interface Session extends SessionContract {}

/** Members that `@Session('…')` can ask for, with what it gives. */
export interface SessionMembers {
  id: string;
  userId: string | null;
  auth: AuthSnapshot | null;
  avatar: Avatar;
}

const MEMBERS: ReadonlySet<string> = new Set<keyof SessionMembers>(['id', 'userId', 'auth', 'avatar']);

/**
 * Gives a handler the session of its request; with an argument, one of `id`, `userId`, `auth`, `avatar`, or else what
 * stands at that dotted path of the data.
 *
 * ```ts
 * add(@Session() session: Session, @Session('userId') userId: string, @Session('cart.items') items: string[] = [])
 * ```
 *
 * @throws {SessionSetupError} where there are no sessions: on a route with `@SkipSession()`, or without the module.
 */
export const Session: (path?: keyof SessionMembers | SessionPath) => ParameterDecorator = createParamDecorator(
  (path: string | undefined, context: ExecutionContext): unknown => {
    const session = RequestSession.known(context.switchToHttp().getRequest<PlatformRequest>())?.look();
    if (!session) {
      throw new SessionSetupError(
        `@Session() in ${context.getClass().name}.${context.getHandler().name}() has no session to give. ` +
          'Import SessionModule, and remove @SkipSession() from the route.',
      );
    }
    if (path === undefined) return session;
    return MEMBERS.has(path) ? session[path as keyof SessionMembers] : session.get(path);
  },
);
