import type { ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';
import { bothKeepers, type Gatekeeper } from './gatekeeper.js';
import { answerAs, type GateState, headersSentError } from './gated-response.js';
import { copied, withHeadersSet } from './write-head.js';
import { sendAmended } from './amended-headers.js';

const METHODS = ['writeHead', 'flushHeaders', 'write', 'end'] as const;
type Method = (typeof METHODS)[number];
type Call = { readonly method: Method; readonly args: unknown[] };
type Methods = Record<Method, (...args: unknown[]) => unknown>;

const GATE = Symbol('nestjs-mikro-session:gate');
type Gated = ServerResponse & { [GATE]?: ResponseGate };

// The same functions for every response: closures would be made for each.
const PASSING = Object.fromEntries(
  METHODS.map((method) => [
    method,
    function (this: Gated, ...args: unknown[]): unknown {
      return (this[GATE] as ResponseGate).pass(method, args);
    },
  ]),
) as Methods;

/**
 * Stands between the code that writes a response and the socket, and lets nothing pass before the session is stored: calls
 * that would send something are held, and replayed in order once it is. A response that has nothing to wait for is not
 * delayed by a single tick.
 *
 * It replaces methods of this one response, which Express, Fastify, streams and middleware all end up calling; those
 * that were replaced before (by compression, say) are called in turn. A response has one gate; with a second keeper, it
 * waits for both.
 */
export function installGate(response: ServerResponse, keeper: Gatekeeper): ResponseGate {
  const gated = response as Gated;
  if (gated[GATE] === undefined) {
    gated[GATE] = new ResponseGate(response, keeper);
    Object.assign(response, PASSING);
  } else {
    gated[GATE].admit(keeper);
  }
  return gated[GATE];
}

/** Whether it has all that a gate needs of a response: what socket.io's engine gives to middleware, for one, has not. */
export function canBeGated(response: object): response is ServerResponse {
  return (
    'headersSent' in response &&
    ['setHeader', 'getHeader', 'getHeaderNames', 'removeHeader', ...METHODS].every(
      (method) => typeof (response as Record<string, unknown>)[method] === 'function',
    )
  );
}

/** The gate of one response, made by {@link installGate}. */
export class ResponseGate {
  readonly #response: ServerResponse;
  #keeper: Gatekeeper;
  /** The methods as they were before. */
  readonly #originals: Methods;
  /** Whether other code had replaced a method before. */
  readonly #isWrapped: boolean;
  #state: GateState = 'closed';
  #held: Call[] = [];
  /** Has the response answer as it did before it was held or refused. */
  #restore: () => void = nothing;
  /** Whether the end that is held has something to wait for that came after the first of several calls. */
  #isEndApart = false;
  /** Whether the next answer is the last one: what is sent after its end is dropped. */
  #isNextLast = false;

  constructor(response: ServerResponse, keeper: Gatekeeper) {
    this.#response = response;
    this.#keeper = keeper;
    const { writeHead, flushHeaders, write, end } = response as unknown as Methods;
    this.#originals = { writeHead, flushHeaders, write, end };
    this.#isWrapped = [...METHODS, '_implicitHeader'].some((method) => Object.hasOwn(response, method));
  }

  /** Waits for another keeper as well, of another registration. */
  admit(keeper: Gatekeeper): void {
    this.#keeper = bothKeepers(this.#keeper, keeper);
  }

  /** Calls back where the client has gone, or goes, before anything was answered. */
  whenAbandoned(call: () => void): void {
    if (!this.#isUntouched) return;
    if (hasClosed(this.#response)) return call();
    this.#response.once('close', () => {
      if (this.#isUntouched) call();
    });
  }

  get #isUntouched(): boolean {
    return this.#state === 'closed' && !this.#response.headersSent;
  }

  /** The handler has failed: what it still sends is dropped, unless it has answered by then. */
  refuseHandler(): void {
    if (this.#isUntouched) this.#bar('refused');
  }

  /** The next answer, an exception filter's, is the last one: what is sent after its end is dropped. */
  awaitLastAnswer(): void {
    this.#isNextLast = true;
    if (this.#state === 'refused' && !this.#response.headersSent) this.#unbar('closed');
  }

  /** A call that would send something. */
  pass(method: Method, args: unknown[]): unknown {
    const response = this.#response;
    if (this.#state === 'refused') return this.#drop(method, args);
    if (this.#state === 'open') {
      // The end waits for what was changed since the headers were decided on.
      const isEnd = method === 'end' && !response.writableEnded;
      const settling = isEnd ? this.#keeper.settleAnswer(response.statusCode) : null;
      if (settling === null) return this.#call(method, args);
      this.#hold(settling);
    } else if (this.#state === 'closed') {
      const status = method === 'writeHead' ? (args[0] as number) : response.statusCode;
      const settling = response.headersSent ? null : this.#keeper.settleAnswer(status);
      if (settling === null) {
        this.#state = 'open';
        return this.#send(method, args);
      }
      this.#hold(settling);
    } else if (method === 'writeHead') {
      throw headersSentError();
    }
    // The first answer counts: the callback of a second one is given an error.
    if (this.#held.at(-1)?.method === 'end') return this.#drop(method, args);
    // As of now: what comes after the end is no part of the answer.
    if (method === 'end' && this.#held.length > 0) this.#isEndApart = this.#keeper.owesMore();
    this.#held.push({ method, args: method === 'writeHead' ? copied(args) : args });
    return this.#resultOf(method);
  }

  #hold(settling: Promise<void>): void {
    this.#bar('holding');
    settling
      .then(
        () => this.#release(),
        (error: unknown) => this.#refuse(error),
      )
      .catch((error: unknown) => {
        this.#keeper.report(error);
        cutOff(this.#response);
      });
  }

  /** Keeps calls from reaching the client, until {@link #unbar}. */
  #bar(state: 'holding' | 'refused'): void {
    this.#state = state;
    this.#restore = answerAs(this.#response, state);
  }

  #unbar(state: 'closed' | 'open'): void {
    this.#state = state;
    this.#restore();
  }

  #send(method: Method, args: unknown[]): unknown {
    const response = this.#response;
    if (response.headersSent) return this.#call(method, args);
    const rest = method === 'writeHead' ? withHeadersSet(response, args) : args;
    return this.#sendHeaders(() => this.#call(method, rest));
  }

  #sendHeaders(send: () => unknown): unknown {
    const matters = this.#keeper.beforeHeaders();
    return matters || this.#isPassed ? sendAmended(this.#response, () => this.#keeper.amendHeaders(), send) : send();
  }

  /** Whether other code comes by as the response goes out: it has replaced a method, before the gate or after it. */
  get #isPassed(): boolean {
    const now = this.#response as unknown as Methods;
    return this.#isWrapped || METHODS.some((method) => now[method] !== PASSING[method]);
  }

  #call(method: Method, args: unknown[]): unknown {
    const result = this.#originals[method].apply(this.#response, args);
    if (method === 'end') {
      if (this.#isNextLast) this.#bar('refused');
      this.#keeper.ended();
    }
    return result;
  }

  #release(): void {
    const response = this.#response;
    const held = this.#held;
    const last = held.length > 1 ? held.at(-1) : undefined;
    const end = last?.method === 'end' ? last : null;
    let isEndApart = this.#isEndApart;
    this.#isEndApart = false;
    this.#unbar('open');
    try {
      // What other code changes as the headers go out belongs to the answer; what has come since its end does not.
      const mayOweMore = end !== null && !isEndApart && this.#isPassed && !this.#keeper.owesMore();
      for (const { method, args } of end === null ? held : held.slice(0, -1)) this.#send(method, args);
      isEndApart ||= mayOweMore && this.#keeper.owesMore();
      this.#held = [];
      if (end !== null && isEndApart) this.pass('end', end.args);
      else if (end !== null) this.#send('end', end.args);
    } catch (error) {
      // The handler, which would have caught it, has gone on: a header with a line break, say.
      if (response.headersSent) cutOff(response);
      else this.#refuse(error);
      return;
    }
    // write() has returned false, and its caller waits for this event.
    if (!isEndApart && held.some(({ method }) => method === 'write')) {
      const drains = draining(response);
      if (!drains.writableNeedDrain && !drains.writableEnded) drains.emit('drain');
    }
  }

  #refuse(error: unknown): void {
    const response = this.#response;
    if (this.#state === 'holding') this.#unbar('open');
    try {
      const body = this.#keeper.failed(error);
      if (response.headersSent) throw headersSentError();
      this.#sendHeaders(() => this.#originals.end.call(response, body));
      this.#keeper.ended();
    } catch {
      cutOff(response);
    }
    this.#bar('refused');
    for (const { method, args } of this.#held) this.#drop(method, args);
    if (this.#held.some(({ method }) => method === 'write')) response.emit('drain');
  }

  /** Gives the callback of a call the error that it came to nothing. */
  #drop(method: Method, args: unknown[]): unknown {
    const callback = args.findLast((argument) => typeof argument === 'function');
    if (callback) process.nextTick(callback, new Error('An error was sent instead: the session could not be stored.'));
    return this.#resultOf(method);
  }

  #resultOf(method: Method): unknown {
    // A writer whose calls are dropped need not wait for room.
    return method === 'write' ? this.#state === 'refused' : this.#response;
  }
}

function nothing(): void {}

/** Whether its connection has closed, or its stream of HTTP/2. */
function hasClosed(response: ServerResponse): boolean {
  const { stream } = response as { stream?: { readonly destroyed: boolean } };
  return stream === undefined ? response.closed : stream.destroyed;
}

/** The stream whose `drain` writers wait for: compression registers their listeners with a stream of its own, and returns that. */
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
