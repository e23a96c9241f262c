import type { ServerResponse } from 'node:http';
import type { ArgumentsHost } from '@nestjs/common';
import { GraphqlContext } from './graphql-context.js';
import { MessageContext } from './message-context.js';
import { RequestContext } from './request-context.js';
import type { SessionSource } from './session-source.js';
import type { BoundedContext, SessionContext } from './session-context.js';

/** The session of a request over plain HTTP. */
export function requestContextOf(source: SessionSource, host: ArgumentsHost): RequestContext {
  // As switchToHttp() has them, but without the three closures that it makes each time.
  const response = host.getArgByIndex<{ raw?: ServerResponse }>(1);
  return RequestContext.of(source, host.getArgByIndex(0), response.raw ?? (response as ServerResponse));
}

/** The session of what Nest handles; `null` where there are none, or the request behind it is not known. */
export function contextOf(source: SessionSource, host: ArgumentsHost): SessionContext | null {
  return host.getType() === 'http' ? requestContextOf(source, host) : boundedContextOf(source, host);
}

/** The same for what is not plain HTTP. */
export function boundedContextOf(source: SessionSource, host: ArgumentsHost): BoundedContext | null {
  switch (host.getType<string>()) {
    case 'ws':
      return MessageContext.of(source, host);
    case 'graphql':
      return GraphqlContext.of(source, host);
    default:
      return null;
  }
}
