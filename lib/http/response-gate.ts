import type { OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from 'node:http';

/** What the gate asks before it lets a response go. */
export interface Gatekeeper {
  /** Whether something has to be stored first, given the status that is about to be sent. */
  isPending(status: number): boolean;
  /** Stores it. Must settle; a rejection turns the response into the one that {@link failed} writes. */
  settle(status: number): Promise<void>;
  /** Adds headers. The last moment at which that is possible. */
  beforeHeaders(): void;
  /** Prepares the response that reports the error and returns its body. */
  failed(error: unknown): string;
}

const METHODS = ['writeHead', 'flushHeaders', 'write', 'end'] as const;
type Method = (typeof METHODS)[number];
type Call = { readonly method: Method; readonly args: unknown[] };
// oxlint-disable-next-line typescript/no-explicit-any -- the four methods have little in common
type Originals = Record<Method, (...args: any[]) => unknown>;

/**
 * Stands between whoever writes a response and the socket, and lets nothing pass before the session is stored: calls
 * that would send something are held, and replayed in order once it is. A response that has nothing to wait for is not
 * delayed by a single tick.
 *
 * It replaces methods of this one response, which Express, Fastify, streams and middleware all end up calling; those
 * that were replaced before (by compression, say) are called in turn.
 */
export function installGate(response: ServerResponse, keeper: Gatekeeper): void {
  const originals = {} as Originals;
  let isOpen = false;
  let held: Call[] | null = null;

  for (const method of METHODS) {
    // oxlint-disable-next-line typescript/unbound-method -- called with the response as `this`
    originals[method] = response[method] as Originals[Method];
    response[method] = ((...args: unknown[]) => pass(method, args)) as never;
  }

  function pass(method: Method, args: unknown[]): unknown {
    if (isOpen) return originals[method].apply(response, args);
    if (held === null) {
      const status = statusOf(method, args);
      if (response.headersSent || !keeper.isPending(status)) {
        open();
        return send({ method, args });
      }
      held = [];
      // Until they are sent they may no longer be changed: that is what everybody asks this property for.
      Object.defineProperty(response, 'headersSent', { value: true, configurable: true });
      keeper.settle(status).then(release, refuse);
    }
    held.push({ method, args });
    return method === 'write' ? false : response;
  }

  function open(): void {
    isOpen = true;
    delete (response as { headersSent?: boolean }).headersSent;
  }

  function send({ method, args }: Call): unknown {
    if (response.headersSent) return originals[method].apply(response, args);
    const rest = method === 'writeHead' ? headersMoved(response, args) : args;
    keeper.beforeHeaders();
    return originals[method].apply(response, rest);
  }

  function release(): void {
    const calls = held as Call[];
    open();
    for (const call of calls) send(call);
    // Whoever wrote was told to wait.
    if (calls.some((call) => call.method === 'write') && !response.writableNeedDrain && !response.writableEnded) {
      response.emit('drain');
    }
  }

  function refuse(error: unknown): void {
    open();
    const body = keeper.failed(error);
    keeper.beforeHeaders();
    originals.end.call(response, body);
  }

  function statusOf(method: Method, args: unknown[]): number {
    return method === 'writeHead' ? (args[0] as number) : response.statusCode;
  }
}

/** Sets the headers that were given to `writeHead` on the response, where they can still be amended. */
function headersMoved(response: ServerResponse, args: unknown[]): unknown[] {
  const [status, ...rest] = args;
  const message = typeof rest[0] === 'string' ? [rest.shift()] : [];
  const headers = rest[0] as OutgoingHttpHeaders | OutgoingHttpHeader[] | undefined;
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
