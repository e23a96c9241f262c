import type { ServerResponse } from 'node:http';

/** What describes the body that is being replaced. */
const ENTITY_HEADERS = /^(content-.*|etag|last-modified|location|transfer-encoding|accept-ranges|trailer)$/;

/** Has a response, of which nothing is sent, say that there is an error, in the place of what it was to say. Its body is the caller's. */
export function replaceByError(response: ServerResponse, status: number, httpVersion: number): void {
  for (const name of response.getHeaderNames()) if (ENTITY_HEADERS.test(name)) response.removeHeader(name);
  response.statusCode = status;
  // HTTP/2 has none, and Node warns of it.
  if (httpVersion < 2) response.statusMessage = '';
  response.setHeader('Content-Type', 'application/json; charset=utf-8');
}

/** As Nest answers an error that nothing else does. */
export function jsonError({ statusCode }: ServerResponse, message: string): string {
  return JSON.stringify({ statusCode, message });
}
