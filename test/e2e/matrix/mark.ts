import { type ArgumentsHost, createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Session, SessionService } from 'nestjs-mikro-session';

interface MarkedRequest {
  readonly query: Readonly<Record<string, string>>;
  readonly session: Session;
}

/** What the request asks for in its query. */
export function asked(host: ArgumentsHost, name: string): string | undefined {
  return host.switchToHttp().getRequest<MarkedRequest>().query[name];
}

/** Gives a handler the function that makes the change by which the test knows its request. */
export const Mark: () => ParameterDecorator = createParamDecorator((_data: unknown, context: ExecutionContext) => {
  const { query, session } = context.switchToHttp().getRequest<MarkedRequest>();
  return () => void session.set('mark', query['mark']);
});

/** Makes the same change, for whoever is no handler. */
export async function markBy(sessions: SessionService, host: ArgumentsHost): Promise<void> {
  (await sessions.of(host)).set('mark', asked(host, 'mark'));
}
