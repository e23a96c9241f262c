import type { ServerResponse } from 'node:http';
import type { ArgumentsHost } from '@nestjs/common';
import { GraphqlSession } from './graphql-session.js';
import { MessageSession } from './message-session.js';
import { RequestSession, type SessionSource } from './request-session.js';
import type { BoundedScope, SessionScope } from './session-scope.js';

/** The session of a request over plain HTTP. */
export function requestOf(source: SessionSource, host: ArgumentsHost): RequestSession {
  // As switchToHttp() has them, but without the three closures that it makes each time.
  const response = host.getArgByIndex<{ raw?: ServerResponse }>(1);
  return RequestSession.of(source, host.getArgByIndex(0), response.raw ?? (response as ServerResponse));
}

/** The session of what Nest handles; `null` where there are none, or the request behind it is not known. */
export function scopeOf(source: SessionSource, host: ArgumentsHost): SessionScope | null {
  return host.getType() === 'http' ? requestOf(source, host) : boundedScopeOf(source, host);
}

/** The same for what is not plain HTTP. */
export function boundedScopeOf(source: SessionSource, host: ArgumentsHost): BoundedScope | null {
  switch (host.getType<string>()) {
    case 'ws':
      return MessageSession.of(source, host);
    case 'graphql':
      return GraphqlSession.of(source, host);
    default:
      return null;
  }
}
