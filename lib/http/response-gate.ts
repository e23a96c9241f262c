import type { OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';

/** What the gate asks before it lets a response go: one for each registration of sessions that the request has met. */
export interface Gatekeeper {
  /** Whether something has to be stored, or dropped, first. */
  isPending(): boolean;
  /** Does so, given the status that is about to be sent. Must settle; a rejection turns the response into the one that {@link failed} writes. */
  settle(status: number): Promise<void>;
  /** Adds headers. The last moment at which that is possible. */
  beforeHeaders(): void;
  /** Prepares the response that reports the error and returns its body; for nothing, if the headers are out: then it is cut off. */
  failed(error: unknown): string;
  /** Tells the operator of an exception that nobody has caught, such as that of a listener; the response is cut off. */
  report(error: unknown): void;
}

/** What changes headers, and must fail as it does once they are sent. */
const AMENDING = ['setHeader', 'appendHeader', 'removeHeader', 'setHeaders'] as const;
/** What sends something besides the four methods that the gate takes the place of. */
const SENDING_BESIDES = ['addTrailers', 'writeContinue', 'writeEarlyHints', 'writeProcessing'] as const;
type Method = 'writeHead' | 'flushHeaders' | 'write' | 'end';
type Call = { readonly method: Method; readonly args: unknown[] };
// oxlint-disable-next-line typescript/no-explicit-any -- the four methods have little in common
type Original = (...args: any[]) => unknown;

const GATE = Symbol('nestjs-mikro-session:gate');
type Gated = ServerResponse & { [GATE]?: ResponseGate };

/**
 * - `closed`: nobody has tried to send anything yet.
 * - `holding`: what was to be sent waits for the session to be stored.
 * - `open`: everything passes.
 * - `refused`: an error is sent instead, and what the handler still sends goes nowhere.
 */
type State = 'closed' | 'holding' | 'open' | 'refused';

// The same functions for every response: closures would have to be made for each.
function writeHead(this: Gated, ...args: unknown[]): unknown {
  return (this[GATE] as ResponseGate).pass('writeHead', args);
}
function flushHeaders(this: Gated, ...args: unknown[]): unknown {
  return (this[GATE] as ResponseGate).pass('flushHeaders', args);
}
function write(this: Gated, ...args: unknown[]): unknown {
  return (this[GATE] as ResponseGate).pass('write', args);
}
function end(this: Gated, ...args: unknown[]): unknown {
  return (this[GATE] as ResponseGate).pass('end', args);
}

/**
 * Stands between whoever writes a response and the socket, and lets nothing pass before the session is stored: calls
 * that would send something are held, and replayed in order once it is. A response that has nothing to wait for is not
 * delayed by a single tick.
 *
 * It replaces methods of this one response, which Express, Fastify, streams and middleware all end up calling; those
 * that were replaced before (by compression, say) are called in turn. A response has one gate, however many ask for it.
 */
export function installGate(response: ServerResponse, keeper: Gatekeeper): ResponseGate {
  const gated = response as Gated;
  const known = gated[GATE];
  if (known !== undefined) {
    known.admit(keeper);
    return known;
  }
  const gate = new ResponseGate(response, keeper);
  gated[GATE] = gate;
  gated.writeHead = writeHead as never;
  gated.flushHeaders = flushHeaders;
  gated.write = write as never;
  gated.end = end as never;
  return gate;
}

/** Whether it has all that a gate asks of a response: what socket.io's engine gives to middleware, for one, has not. */
export function canBeGated(response: object): response is ServerResponse {
  return (
    'headersSent' in response &&
    ['setHeader', 'getHeader', 'getHeaderNames', 'removeHeader', 'writeHead', 'flushHeaders', 'write', 'end'].every(
      (method) => typeof (response as Record<string, unknown>)[method] === 'function',
    )
  );
}

export class ResponseGate {
  readonly #response: ServerResponse;
  #keeper: Gatekeeper;
  // Called with the response as `this`.
  readonly #writeHead: Original;
  readonly #flushHeaders: Original;
  readonly #write: Original;
  readonly #end: Original;
  #state: State = 'closed';
  #held: Call[] | null = null;
  #statusHeld = 200;
  /** What the response inherits from when it is neither held nor refused. */
  #prototype: object | null = null;
  /** Whether the next answer is the last one: what is sent after its end goes nowhere. */
  #isNextLast = false;

  constructor(response: ServerResponse, keeper: Gatekeeper) {
    this.#response = response;
    this.#keeper = keeper;
    /* oxlint-disable typescript/unbound-method */
    this.#writeHead = response.writeHead;
    this.#flushHeaders = response.flushHeaders;
    this.#write = response.write;
    this.#end = response.end;
    /* oxlint-enable typescript/unbound-method */
  }

  /** Another keeper, of another registration. */
  admit(keeper: Gatekeeper): void {
    this.#keeper = both(this.#keeper, keeper);
  }

  /** The handler has failed: what it still sends goes nowhere, unless it has answered by then. */
  refuseHandler(): void {
    if (this.#state === 'closed' && !this.#response.headersSent) this.#refuseAll();
  }

  /** The next answer, an exception filter's, is the last one: what is sent after its end goes nowhere. */
  awaitLastAnswer(): void {
    this.#isNextLast = true;
    if (this.#state === 'refused' && !this.#response.headersSent) this.#restore('closed');
  }

  pass(method: Method, args: unknown[]): unknown {
    const response = this.#response;
    if (this.#state === 'refused') return this.#drop(method, args);
    if (this.#state === 'open') {
      // The end waits for what was changed since the headers were decided on.
      if (method !== 'end' || response.writableEnded || !this.#keeper.isPending()) return this.#call(method, args);
      this.#hold(response.statusCode);
    } else if (this.#state === 'closed') {
      if (response.headersSent || !this.#keeper.isPending()) {
        this.#state = 'open';
        return this.#send(method, args);
      }
      this.#hold(method === 'writeHead' ? (args[0] as number) : response.statusCode);
    } else if (method === 'writeHead') {
      throw headersSentError();
    }
    const held = (this.#held ??= []);
    // Whoever sends twice is told, and the first answer counts.
    if (held.at(-1)?.method === 'end') return this.#drop(method, args);
    // Fastify writes a second answer's headers into the object that it has given before.
    held.push({ method, args: method === 'writeHead' ? args.map(copied) : args });
    return this.#resultOf(method);
  }

  #original(method: Method): Original {
    switch (method) {
      case 'writeHead':
        return this.#writeHead;
      case 'flushHeaders':
        return this.#flushHeaders;
      case 'write':
        return this.#write;
      case 'end':
        return this.#end;
    }
  }

  #hold(status: number): void {
    this.#disguise('holding', sentLike);
    this.#keeper
      .settle(status)
      .then(
        () => this.#release(),
        (error: unknown) => this.#refuse(error),
      )
      .catch((error: unknown) => {
        this.#keeper.report(error);
        cutOff(this.#response);
      });
  }

  #refuseAll(): void {
    this.#disguise('refused', mutedLike);
  }

  /** Has the response inherit from something else for as long as the state lasts. */
  #disguise(state: State, like: (prototype: object) => object): void {
    const response = this.#response;
    this.#state = state;
    this.#statusHeld = response.statusCode;
    this.#prototype = Object.getPrototypeOf(response) as object;
    Object.setPrototypeOf(response, like(this.#prototype));
  }

  #restore(state: State): void {
    const response = this.#response;
    this.#state = state;
    response.statusCode = this.#statusHeld;
    Object.setPrototypeOf(response, this.#prototype);
  }

  #send(method: Method, args: unknown[]): unknown {
    const response = this.#response;
    if (response.headersSent) return this.#call(method, args);
    const rest = method === 'writeHead' ? headersMoved(response, args) : args;
    this.#keeper.beforeHeaders();
    return this.#call(method, rest);
  }

  #call(method: Method, args: unknown[]): unknown {
    const result = this.#original(method).apply(this.#response, args);
    if (this.#isNextLast && method === 'end') this.#refuseAll();
    return result;
  }

  #release(): void {
    const response = this.#response;
    const held = this.#held ?? [];
    this.#restore('open');
    try {
      for (const { method, args } of held) this.#send(method, args);
    } catch (error) {
      // The handler, which would have caught it, has gone on: a header with a line break, say.
      if (response.headersSent) cutOff(response);
      else this.#refuse(error);
      return;
    }
    this.#held = null;
    // Whoever wrote was told to wait.
    if (held.some(({ method }) => method === 'write')) {
      const drains = draining(response);
      if (!drains.writableNeedDrain && !drains.writableEnded) drains.emit('drain');
    }
  }

  #refuse(error: unknown): void {
    const response = this.#response;
    const held = this.#held ?? [];
    if (this.#state === 'holding') this.#restore('open');
    // The last word is the error's own.
    this.#isNextLast = false;
    try {
      const body = this.#keeper.failed(error);
      if (response.headersSent) throw headersSentError();
      this.#keeper.beforeHeaders();
      this.#end.call(response, body);
    } catch {
      cutOff(response);
    }
    this.#refuseAll();
    for (const { method, args } of held) this.#drop(method, args);
    if (held.some(({ method }) => method === 'write')) response.emit('drain');
  }

  /** Tells whoever waits for a call that it came to nothing. */
  #drop(method: Method, args: unknown[]): unknown {
    const callback = args.findLast((argument) => typeof argument === 'function');
    if (callback) process.nextTick(callback, new Error('An error was sent instead: the session could not be stored.'));
    return this.#resultOf(method);
  }

  #resultOf(method: Method): unknown {
    // Where nothing goes any more, nobody need wait for room.
    return method === 'write' ? this.#state === 'refused' : this.#response;
  }
}

/**
 * What a held response inherits from for as long: for everybody else its headers are sent, so what is asked about them,
 * and what would change them, must answer so. (Properties of its own would be made, and deleted, for each response.)
 */
const sentLike = oncePerPrototype((prototype) => {
  const made = Object.create(prototype, { headersSent: { value: true } }) as Record<string, unknown>;
  for (const method of AMENDING) {
    made[method] = () => {
      throw headersSentError();
    };
  }
  return made;
});

/**
 * What a refused response inherits from: the handler's answer goes nowhere, and nothing that it calls fails. Fastify asks
 * for `writableEnded`, and warns of a handler that sends after the end.
 */
const mutedLike = oncePerPrototype((prototype) => {
  const made = Object.create(prototype, { writableEnded: { value: false } }) as Record<string, unknown>;
  for (const method of [...AMENDING, ...SENDING_BESIDES]) {
    made[method] = function (this: unknown) {
      return this;
    };
  }
  return made;
});

function oncePerPrototype(make: (prototype: object) => object): (prototype: object) => object {
  const made = new WeakMap<object, object>();
  return (prototype) => {
    let one = made.get(prototype);
    if (one === undefined) made.set(prototype, (one = make(prototype)));
    return one;
  };
}

/** Two keepers as one. Where the first cannot store what it keeps, the second drops what it does. */
function both(first: Gatekeeper, second: Gatekeeper): Gatekeeper {
  let failing = first;
  return {
    isPending: () => first.isPending() || second.isPending(),
    async settle(status) {
      failing = first;
      try {
        await first.settle(status);
      } catch (error) {
        await second.settle(500);
        throw error;
      }
      failing = second;
      await second.settle(status);
    },
    beforeHeaders() {
      first.beforeHeaders();
      second.beforeHeaders();
    },
    failed: (error) => failing.failed(error),
    report: (error) => failing.report(error),
  };
}

function nothing(): void {}

/** Whom those listen to who wait for room: compression hands them on to a stream of its own, and returns that. */
function draining(response: ServerResponse): Writable {
  return response.on('drain', nothing).off('drain', nothing);
}

/** RFC 9113, 7. */
const INTERNAL_ERROR = 2;

/** Ends a response that has begun, such that the client does not take it for whole. */
function cutOff(response: ServerResponse): void {
  // Over HTTP/2, destroy() ends the stream as if that were all.
  const { stream } = response as { stream?: { close?(code: number): void } };
  if (typeof stream?.close === 'function') stream.close(INTERNAL_ERROR);
  else response.destroy();
}

/** The same as Node's own. */
function headersSentError(): Error {
  const error = new Error('Cannot set headers after they are sent to the client');
  return Object.assign(error, { code: 'ERR_HTTP_HEADERS_SENT' });
}

function copied(value: unknown): unknown {
  if (Array.isArray(value)) return [...(value as unknown[])];
  return typeof value === 'object' && value !== null ? { ...value } : value;
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
