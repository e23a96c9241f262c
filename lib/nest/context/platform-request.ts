import type { IncomingMessage } from 'node:http';

/** A request as Express or Fastify hand it to Nest. */
export interface PlatformRequest {
  /** Node's own request, on Fastify. */
  readonly raw?: IncomingMessage;
  /** Whatever the platform was told to trust a proxy with. */
  readonly ip?: string;
  readonly protocol?: string;
  session?: unknown;
}

/** Node's own. */
export function rawOf(request: PlatformRequest): IncomingMessage {
  return request.raw ?? (request as unknown as IncomingMessage);
}

/** As it came: Express and Fastify rewrite `url`, for an application that is mounted or as they are told to. */
export function urlOf(raw: IncomingMessage & { readonly originalUrl?: string }): string {
  return raw.originalUrl ?? raw.url ?? '/';
}
