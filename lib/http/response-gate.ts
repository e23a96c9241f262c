import type { OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from 'node:http';

/** What the gate asks before it lets a response go. */
export interface Gatekeeper {
  /** Whether something has to be stored, or dropped, first. */
  isPending(): boolean;
  /** Does so, given the status that is about to be sent. Must settle; a rejection turns the response into the one that {@link failed} writes. */
  settle(status: number): Promise<void>;
  /** Adds headers. The last moment at which that is possible. */
  beforeHeaders(): void;
  /** Prepares the response that reports the error and returns its body. */
  failed(error: unknown): string;
}

const METHODS = ['writeHead', 'flushHeaders', 'write', 'end'] as const;
/** What changes headers, and must fail as it does once they are sent. */
const AMENDING = ['setHeader', 'appendHeader', 'removeHeader', 'setHeaders'] as const;
type Method = (typeof METHODS)[number];
type Call = { readonly method: Method; readonly args: unknown[] };
// oxlint-disable-next-line typescript/no-explicit-any -- the four methods have little in common
type Originals = Record<Method, (...args: any[]) => unknown>;

/**
 * - `closed`: nobody has tried to send anything yet.
 * - `holding`: what was to be sent waits for the session to be stored.
 * - `open`: everything passes.
 * - `refused`: the error was sent instead, and what the handler still sends goes nowhere.
 */
type State = 'closed' | 'holding' | 'open' | 'refused';

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
  const held: Call[] = [];
  let state: State = 'closed';
  let statusHeld = 200;

  for (const method of METHODS) {
    // oxlint-disable-next-line typescript/unbound-method -- called with the response as `this`
    originals[method] = response[method] as Originals[Method];
    response[method] = ((...args: unknown[]) => pass({ method, args })) as never;
  }

  function pass(call: Call): unknown {
    if (state === 'open') return originals[call.method].apply(response, call.args);
    if (state === 'refused') return drop(call);
    if (state === 'closed') {
      if (response.headersSent || !keeper.isPending()) {
        state = 'open';
        return send(call);
      }
      hold(statusOf(call));
    } else if (call.method === 'writeHead') {
      throw headersSentError();
    }
    // Whoever sends twice is told, and the first answer counts.
    if (held.at(-1)?.method === 'end') return drop(call);
    held.push(call);
    return resultOf(call);
  }

  function hold(status: number): void {
    state = 'holding';
    statusHeld = response.statusCode;
    // For everybody else they are sent: what is asked about them, and what would change them, must answer so.
    Object.defineProperty(response, 'headersSent', { value: true, configurable: true });
    for (const method of AMENDING) {
      const value = (): never => {
        throw headersSentError();
      };
      Object.defineProperty(response, method, { value, configurable: true, writable: true });
    }
    keeper.settle(status).then(release, refuse);
  }

  function open(): void {
    state = 'open';
    response.statusCode = statusHeld;
    delete (response as { headersSent?: boolean }).headersSent;
    for (const method of AMENDING) Reflect.deleteProperty(response, method);
  }

  function send({ method, args }: Call): unknown {
    if (response.headersSent) return originals[method].apply(response, args);
    const rest = method === 'writeHead' ? headersMoved(response, args) : args;
    keeper.beforeHeaders();
    return originals[method].apply(response, rest);
  }

  function release(): void {
    open();
    try {
      for (const call of held) send(call);
    } catch (error) {
      // The handler, which would have caught it, has gone on: a header with a line break, say.
      if (response.headersSent) response.destroy();
      else refuse(error);
      return;
    }
    // Whoever wrote was told to wait.
    if (held.some(({ method }) => method === 'write') && !response.writableNeedDrain && !response.writableEnded) {
      response.emit('drain');
    }
  }

  function refuse(error: unknown): void {
    open();
    try {
      const body = keeper.failed(error);
      keeper.beforeHeaders();
      originals.end.call(response, body);
    } catch {
      response.destroy();
    }
    state = 'refused';
    for (const call of held) drop(call);
    if (held.some(({ method }) => method === 'write')) response.emit('drain');
  }

  /** Tells whoever waits for a call that it came to nothing. */
  function drop(call: Call): unknown {
    const callback = call.args.findLast((argument) => typeof argument === 'function');
    if (callback) process.nextTick(callback, new Error('An error was sent instead: the session could not be stored.'));
    return resultOf(call);
  }

  function statusOf({ method, args }: Call): number {
    return method === 'writeHead' ? (args[0] as number) : response.statusCode;
  }

  function resultOf({ method }: Call): unknown {
    // Where nothing goes any more, nobody need wait for room.
    return method === 'write' ? state === 'refused' : response;
  }
}

/** The same as Node's own. */
function headersSentError(): Error {
  const error = new Error('Cannot set headers after they are sent to the client');
  return Object.assign(error, { code: 'ERR_HTTP_HEADERS_SENT' });
}

/** Sets the headers that were given to `writeHead` on the response, where they can still be amended. */
function headersMoved(response: ServerResponse, args: unknown[]): unknown[] {
  const [status, ...rest] = args;
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
