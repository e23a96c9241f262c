import type { OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from 'node:http';

/**
 * Sets the status and the headers among the arguments of `writeHead` on the response, where they can still be amended.
 *
 * @returns the other arguments
 */
export function withHeadersSet(response: ServerResponse, args: readonly unknown[]): unknown[] {
  const [status, ...rest] = args;
  // Node refuses any other.
  if (typeof status === 'number' && status >= 100 && status < 1_000) response.statusCode = status;
  const message = typeof rest[0] === 'string' ? [rest.shift()] : [];
  const headers = (rest[0] ?? rest[1]) as OutgoingHttpHeaders | OutgoingHttpHeader[] | undefined;
  if (Array.isArray(headers)) {
    const pairs = Array.isArray(headers[0]) ? headers.flat() : headers;
    for (let index = 0; index < pairs.length; index += 2) response.removeHeader(String(pairs[index]));
    for (let index = 0; index + 1 < pairs.length; index += 2) {
      response.appendHeader(String(pairs[index]), pairs[index + 1] as string);
    }
  } else if (headers) {
    for (const [name, value] of Object.entries(headers)) if (value !== undefined) response.setHeader(name, value);
  }
  return [status, ...message];
}

/** The arguments as they are now: Fastify writes the headers of a second answer into the object of the first. */
export function copied(args: readonly unknown[]): unknown[] {
  return args.map((value) => {
    if (Array.isArray(value)) return [...(value as unknown[])];
    return typeof value === 'object' && value !== null ? { ...value } : value;
  });
}
