import { createParamDecorator, type ExecutionContext, type PipeTransform, type Type } from '@nestjs/common';
import { CIRCULAR_IMPORT } from '../../options/members.js';
import type { AuthSnapshot, Avatar } from '../../session/avatar.js';
import type { SessionPath } from '../../session/data/paths.js';
import type { Session as SessionContract } from '../../session/session.js';
import { SessionConfigurationError } from '../../session.errors.js';
import { GraphqlContext } from '../context/graphql-context.js';
import { MessageContext } from '../context/message-context.js';
import { RequestContext } from '../context/request-context.js';
import { noSession, type SessionContext } from '../context/session-context.js';
import { metadataOf } from '../session.metadata.js';
import { assertParentheses } from './decorator-arguments.js';

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

/** A pipe, as Nest's own decorators take it. */
type Pipe = Type<PipeTransform> | PipeTransform;

/** `@Session()`: alone or with pipes, for the whole session; or for a member or a path of the data, and then pipes. */
export interface SessionDecorator {
  (...pipes: readonly Pipe[]): ParameterDecorator;
  (path: keyof SessionMembers | SessionPath, ...pipes: readonly Pipe[]): ParameterDecorator;
}

/**
 * Gives a handler the session of its request, or of its message on a socket; with an argument, one of `id`, `userId`,
 * `auth`, `avatar`, or else what stands at that dotted path of the data.
 *
 * ```ts
 * add(@Session() session: Session, @Session('userId') userId: string, @Session('cart.items') items: string[] = [])
 * ```
 *
 * Pipes follow, as with Nest's own decorators: `@Session('userId', ParseIntPipe)`.
 *
 * @throws {SessionConfigurationError} when the class is defined, for a path or a pipe that is undefined, and without the
 *   parentheses.
 * @throws {SessionSetupError} where there are no sessions: on a route with `@SkipSession()`, without the module, in a
 *   microservice.
 */
export const Session: SessionDecorator = (...pathOrPipes: readonly unknown[]) => {
  assertParentheses('@Session()', pathOrPipes, typeof pathOrPipes[2] === 'number');
  // Nest would pass over a pipe that is undefined, and without a path this is the whole session.
  if (pathOrPipes.includes(undefined)) {
    throw new SessionConfigurationError(`@Session() was given undefined. ${CIRCULAR_IMPORT}, or leave it out.`);
  }
  const decorate = decorated(...(pathOrPipes as never[]));
  return (target, method, index) => {
    // Some compilers (SWC) take the type of the parameter, which is an interface, for this function of the same name. As that
    // is no class, ValidationPipe must not make one of it.
    const types: unknown = method && Reflect.getOwnMetadata('design:paramtypes', target, method);
    if (Array.isArray(types) && types[index] === Session) types[index] = Object;
    decorate(target, method, index);
  };
};

const decorated = createParamDecorator((path: string | undefined, context: ExecutionContext): unknown => {
  const type = context.getType<string>();
  if (type === 'http') return memberOf(RequestContext.visible(context.getArgByIndex(0)), path, context);
  if (type === 'graphql') return inGraphql(path, context);
  const client = type === 'ws' ? context.switchToWs().getClient<object>() : null;
  return memberOf(client && MessageContext.current(client), path, context);
});

/** Of a field whose resolver no interceptor stands before, maybe the first that asks. */
async function inGraphql(path: string | undefined, context: ExecutionContext): Promise<unknown> {
  const sessionContext = metadataOf(context).isSkipped ? null : GraphqlContext.of(null, context);
  try {
    await sessionContext?.load();
  } catch (error) {
    throw sessionContext?.reported(error);
  }
  return memberOf(sessionContext, path, context);
}

function memberOf(
  sessionContext: SessionContext | null | undefined,
  path: string | undefined,
  context: ExecutionContext,
): unknown {
  const session = sessionContext?.use();
  if (!session) {
    throw noSession(`@Session() in ${context.getClass().name}.${context.getHandler().name}()`, context.getType());
  }
  if (path === undefined) return session.sealed;
  return MEMBERS.has(path) ? session[path as keyof SessionMembers] : session.get(path);
}
