import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

const MOST_USER_AGENT = 512;
/** An IPv6 address, and the name of an interface after it. */
const LONGEST_IP = 64;
/** Before an IPv4 address, where the server listens on IPv6 as well. */
const MAPPED = /^::ffff:(?=[\d.]+$)/i;

/** A request as Express or Fastify hand it to Nest. */
export interface PlatformRequest {
  /** Node's own request, on Fastify. */
  readonly raw?: IncomingMessage;
  /** Whatever the platform was told to trust a proxy with. */
  readonly ip?: string;
  readonly protocol?: string;
  /** With its port; on Fastify, not on what middleware gets. */
  readonly host?: string;
  /** Without the port. */
  readonly hostname?: string;
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

/** The host that a client sent its request to, with its port: before a proxy, if the platform trusts that. */
export function hostOf(request: PlatformRequest): string | undefined {
  if (request.host !== undefined) return request.host;
  const { headers } = rawOf(request);
  const forwarded = String(headers['x-forwarded-host'] ?? '')
    .split(',')
    .at(-1)
    ?.trim();
  // Middleware on Fastify gets the name of the host that Fastify believes in, without its port.
  const isBelieved = forwarded !== undefined && forwarded !== '' && forwarded.split(':', 1)[0] === request.hostname;
  return isBelieved ? forwarded : (headers.host ?? (headers as Record<string, string>)[':authority']);
}

/** The client's address. What is no address is left out: behind a platform that trusts every proxy, a client can send anything. */
export function ipOf(request: PlatformRequest): string | null {
  const ip = request.ip ?? rawOf(request).socket.remoteAddress ?? '';
  return ip.length <= LONGEST_IP && isIP(ip) !== 0 ? ip.replace(MAPPED, '') : null;
}

/** The beginning of what the client calls itself. */
export function userAgentOf(raw: IncomingMessage): string | null {
  return raw.headers['user-agent']?.slice(0, MOST_USER_AGENT) ?? null;
}

/** Whether the client has sent its request by TLS: to a proxy, if the platform trusts that. */
export function isHttps(request: PlatformRequest): boolean {
  if (request.protocol !== undefined) return request.protocol === 'https';
  const { socket } = rawOf(request);
  return 'encrypted' in socket && socket.encrypted === true;
}
