import type { ServerResponse } from 'node:http';

/** What is said to a content delivery network (RFC 9213), or to nginx, which then ignore Cache-Control. */
const TARGETED = /^(.+-cache-control|surrogate-control|edge-control|x-accel-expires)$/;
/** What has a proxy answer with something else. */
const ORDER = /^(x-accel-redirect|x-sendfile|x-lighttpd-send-?file2?|x-reproxy-.*)$/;
/** What lets shared caches keep an answer; beside `must-understand`, they may pass over `no-store` (RFC 9111, 5.2.2.3). */
const SHARING = /^(public|s-maxage|must-understand)(=|$)/i;
const DIRECTIVE = /[^\s,="]+(?:=(?:"[^"]*"|[^\s,]*))?/g;

/**
 * Keeps shared caches from storing a response that sets a credential: Set-Cookie by itself does not (RFC 9111, 7.3), and
 * they would hand it to the next visitor. What the handler says to the visitor's own browser stays.
 */
export function keepFromSharedCaches(response: ServerResponse): void {
  for (const name of response.getHeaderNames()) if (TARGETED.test(name)) response.removeHeader(name);
  const given = response.getHeader('Cache-Control');
  response.setHeader('Cache-Control', given === undefined ? 'no-store' : withoutSharing([given].flat().join(', ')));
}

/**
 * An error has taken the place of an answer, whose orders are void, as are those of an exception filter: on Fastify, nothing tells which
 * is whose.
 */
export function voidOrders(response: ServerResponse): void {
  for (const name of response.getHeaderNames()) if (ORDER.test(name)) response.removeHeader(name);
}

/** Keeps every cache from storing an error, however long the answer was to be good for. */
export function keepFromCaches(response: ServerResponse): void {
  for (const name of response.getHeaderNames()) if (TARGETED.test(name)) response.removeHeader(name);
  response.removeHeader('Expires');
  response.setHeader('Cache-Control', 'no-store');
}

function withoutSharing(cacheControl: string): string {
  const kept = (cacheControl.match(DIRECTIVE) ?? []).filter((one) => !SHARING.test(one));
  // `private="Set-Cookie"` keeps back a header, where caches know it at all.
  const isKept = kept.some((one) => /^(private|no-store)$/i.test(one));
  return (isKept ? kept : ['private', ...kept]).join(', ');
}

/** Says that the answer depends on headers of the request, unless the response says so already. */
export function addVary(response: ServerResponse, name: string): void {
  const given = response.getHeader('Vary');
  if (given === undefined) return void response.setHeader('Vary', name);
  const known = [given].flat().join(', ');
  if (known.split(/[\s,]+/).some((one) => one === '*' || one.toLowerCase() === name.toLowerCase())) return;
  response.setHeader('Vary', known === '' ? name : `${known}, ${name}`);
}
