import type { Platform } from '../../support/platform.js';

/** One row of the table in docs/matrix.md, and a test on each platform. */
export interface Scenario {
  readonly name: string;
  /** Where there is such a thing; everywhere, if it does not say. */
  readonly on?: readonly Platform[];
}

/** A request that makes a change, its answer, and what becomes of the change: tested in one way, whatever it is. */
export interface AnswerScenario extends Scenario {
  readonly path: string;
  /** GET, if it does not say. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The pieces of a body of unknown length. */
  readonly upload?: readonly string[];
  /** 200, if it does not say. */
  readonly status?: number;
  /** Saved, if it does not say. */
  readonly outcome?: 'saved' | 'discarded';
  /** A header that shows the scenario to be what its name says. */
  readonly header?: readonly [name: string, value: string];
}

/** What takes a test of its own, in the file of its group, under its name. */
export interface OwnScenario extends Scenario {
  readonly promise: string;
}

/** The scenarios of one test file, which is its name. */
export interface Group<Kind extends Scenario> {
  readonly file: string;
  readonly title: string;
  readonly scenarios: readonly Kind[];
}

const EXPRESS: readonly Platform[] = ['Express'];
const FASTIFY: readonly Platform[] = ['Fastify', 'Fastify, HTTP/2'];
const HTTP_1: readonly Platform[] = ['Express', 'Fastify'];
const HTTP_2: readonly Platform[] = ['Fastify, HTTP/2'];
const JSON_BODY = { 'content-type': 'application/json' };
const GZIP = { 'accept-encoding': 'gzip' };

export const ANSWERS: Group<AnswerScenario> = {
  file: 'answers.spec.ts',
  title: 'Ways to answer',
  scenarios: [
    { name: 'a returned value', path: '/answers/value' },
    { name: 'nothing returned', path: '/answers/nothing' },
    { name: 'a promise', path: '/answers/promise' },
    { name: 'an Observable', path: '/answers/observable' },
    { name: 'an Observable of several values, changing with the last', path: '/answers/observable-of-several' },
    { name: 'an async iterable, changing before its first piece', path: '/answers/iterable' },
    { name: 'a web Response', path: '/answers/web-response', status: 201 },
    { name: '`@Redirect()`', path: '/answers/redirect', status: 302 },
    { name: '`res.redirect()`', path: '/answers/res-redirect', status: 302 },
    { name: '`@Res()` and `json()`', path: '/answers/res-json', on: EXPRESS },
    { name: '`@Res()` and `send()`', path: '/answers/res-send' },
    { name: '`@Res()` and Node’s `end()`', path: '/answers/res-end' },
    { name: '`@Res()` and Node’s `write()`', path: '/answers/res-write' },
    {
      // Over HTTP/2, `writeHead()` sends.
      name: '`@Res()` and Node’s `writeHead()`, changing before `end()`',
      path: '/answers/res-write-head',
      on: HTTP_1,
    },
    { name: '`@Res()`, changing after the handler returned', path: '/answers/later' },
    { name: '`@Res({ passthrough: true })`', path: '/answers/passthrough', status: 202 },
    { name: '`StreamableFile`', path: '/answers/file' },
    { name: '`pipe()` into Node’s response', path: '/answers/pipe' },
    { name: '`send()` of a stream', path: '/answers/send-stream', on: FASTIFY },
    { name: '`res.sendFile()`', path: '/answers/send-file', on: EXPRESS },
    { name: '`request.session`, without a decorator', path: '/answers/request' },
    { name: 'HEAD of a value', method: 'HEAD', path: '/answers/value' },
    { name: 'HEAD of a `StreamableFile`', method: 'HEAD', path: '/answers/file' },
    { name: '204', path: '/answers/no-content', status: 204 },
    { name: '304 by the handler', path: '/answers/not-modified', status: 304 },
    {
      name: '304 by the platform',
      path: '/answers/etag',
      headers: { 'if-none-match': '"v1"' },
      status: 304,
      on: EXPRESS,
    },
    {
      name: 'a compressed value',
      path: '/answers/value',
      headers: GZIP,
      header: ['content-encoding', 'gzip'],
    },
    {
      name: 'a compressed stream',
      path: '/answers/text-file',
      headers: GZIP,
      header: ['content-encoding', 'gzip'],
    },
    {
      name: '`pipe()` through compression',
      path: '/answers/pipe-text',
      headers: GZIP,
      header: ['content-encoding', 'gzip'],
      on: EXPRESS,
    },
    {
      name: 'a chunked upload',
      method: 'POST',
      path: '/answers/upload',
      headers: JSON_BODY,
      upload: ['{"a":', '[1,2', ',3]}'],
      status: 201,
    },
  ],
};

export const FAILURES: Group<AnswerScenario> = {
  file: 'failures.spec.ts',
  title: 'Exceptions',
  scenarios: [
    { name: 'the handler throws an `HttpException` below 500', path: '/failures/exception', status: 400 },
    {
      name: 'the handler throws an `HttpException` of 500 or above',
      path: '/failures/unavailable',
      status: 503,
      outcome: 'discarded',
    },
    { name: 'the handler throws an `Error`', path: '/failures/error', status: 500, outcome: 'discarded' },
    { name: 'the handler’s promise is rejected', path: '/failures/rejected', status: 500, outcome: 'discarded' },
    { name: 'the data cannot be stored', path: '/failures/data', status: 500, outcome: 'discarded' },
    {
      name: 'an Observable fails after a value',
      path: '/failures/observable',
      status: 500,
      outcome: 'discarded',
    },
    {
      name: 'an Observable fails after a value, with an `HttpException` below 500',
      path: '/failures/observable-exception',
      status: 400,
    },
    { name: 'an async iterable fails at once', path: '/failures/iterable', status: 500, outcome: 'discarded' },
    {
      name: 'the handler sets the status 503 and returns',
      path: '/failures/status',
      status: 503,
      outcome: 'discarded',
    },
    { name: 'the handler sends a 500 by itself', path: '/failures/res', status: 500, outcome: 'discarded' },
    { name: 'a pipe throws an `HttpException`, after a guard’s change', path: '/failures/pipe?n=x', status: 400 },
    {
      name: 'a pipe throws an `Error`, after a guard’s change',
      path: '/failures/broken-pipe?n=x',
      status: 500,
      outcome: 'discarded',
    },
    { name: 'a guard returns `false`', path: '/failures/guard?guard=false', status: 403 },
    { name: 'a guard throws an `HttpException`', path: '/failures/guard?guard=exception', status: 401 },
    {
      name: 'a guard throws an `Error`',
      path: '/failures/guard?guard=error',
      status: 500,
      outcome: 'discarded',
    },
    {
      name: 'an interceptor inside ours throws an `HttpException`, before the handler',
      path: '/failures/value?inner=exception-in',
      status: 409,
    },
    {
      name: 'an interceptor inside ours throws an `HttpException`, after the handler',
      path: '/failures/value?inner=exception-out',
      status: 409,
    },
    {
      name: 'an interceptor inside ours throws an `Error`, after the handler',
      path: '/failures/value?inner=error-out',
      status: 500,
      outcome: 'discarded',
    },
    {
      name: 'an interceptor inside ours answers in place of an `Error`',
      path: '/failures/error?inner=rescue',
    },
    {
      name: 'an interceptor outside ours throws an `HttpException`, before the handler',
      path: '/failures/value?outer=exception-in',
      status: 409,
    },
    {
      name: 'an interceptor outside ours throws an `Error`, before the handler',
      path: '/failures/value?outer=error-in',
      status: 500,
      outcome: 'discarded',
    },
    {
      name: 'an interceptor outside ours throws an `HttpException` at the handler’s value',
      path: '/failures/value?outer=exception-out',
      status: 409,
    },
    {
      name: 'an interceptor outside ours throws an `Error` at the handler’s value',
      path: '/failures/value?outer=error-out',
      status: 500,
      outcome: 'discarded',
    },
    {
      name: 'an interceptor outside ours throws an `Error` after it has waited for the handler: stored by then',
      path: '/failures/value?outer=error-late',
      status: 500,
    },
    {
      name: 'an interceptor outside ours answers in place of an `Error`: dropped by then',
      path: '/failures/error?outer=rescue',
      outcome: 'discarded',
    },
    {
      name: 'the answer cannot be turned into JSON: stored by then',
      path: '/failures/bigint',
      status: 500,
    },
    {
      name: 'an exception filter flashes and redirects after an `HttpException`',
      path: '/failures/filter?throw=exception',
      status: 302,
    },
    {
      name: 'an exception filter flashes and redirects after an `Error`: what it changes',
      path: '/failures/filter?throw=error',
      status: 302,
    },
    {
      name: 'an exception filter redirects after an `Error`: what the handler had changed',
      path: '/failures/redirecting-filter',
      status: 302,
      outcome: 'discarded',
    },
    {
      name: 'an exception filter answers 500',
      path: '/failures/failing-filter',
      status: 500,
      outcome: 'discarded',
    },
    { name: 'no such route, and an exception filter that flashes', path: '/nowhere', status: 404 },
  ],
};

export const ORDER: Group<AnswerScenario> = {
  file: 'order.spec.ts',
  title: 'Order and wiring',
  scenarios: [
    { name: 'middleware', path: '/api/order/plain?at=middleware', on: EXPRESS },
    { name: 'a global guard', path: '/api/order/plain?at=guard' },
    { name: 'a global interceptor before ours, on the way in', path: '/api/order/plain?at=first-in' },
    { name: 'a global interceptor before ours, on the way out', path: '/api/order/plain?at=first-out' },
    { name: 'a global interceptor after ours, on the way in', path: '/api/order/plain?at=last-in' },
    { name: 'a global interceptor after ours, on the way out', path: '/api/order/plain?at=last-out' },
    { name: '`useGlobalInterceptors()`, on the way in', path: '/api/order/plain?at=used-in' },
    { name: '`useGlobalInterceptors()`, on the way out', path: '/api/order/plain?at=used-out' },
    { name: '`@UseInterceptors()` of a controller', path: '/api/order/plain?at=controller-out' },
    { name: '`@UseInterceptors()` of a route', path: '/api/order/plain?at=route-out' },
    { name: 'a request-scoped global interceptor', path: '/api/order/plain?at=scoped-out' },
    { name: 'a request-scoped provider', path: '/api/scoped/provider' },
    { name: 'a request-scoped controller', path: '/api/scoped/controller' },
    { name: 'a versioned controller', path: '/api/v2/versioned' },
    { name: 'a host-scoped controller', path: '/api/hosted', headers: { host: 'shop.example.com' } },
    { name: 'a global prefix', path: '/api/order/handler' },
  ],
};

export const CALLBACKS: Group<OwnScenario> = {
  file: 'callbacks.spec.ts',
  title: 'Handlers that answer in callbacks, by a plain `@Res()`',
  scenarios: [
    {
      name: 'a login: `request.session.regenerate(cb)`, `save(cb)`, `redirect()`',
      promise: 'stored before the answer, whose cookie opens it',
    },
    { name: 'a `regenerate(cb)` that is followed by nothing', promise: 'the session ends, and its cookie is removed' },
    { name: '`save(cb)` refused, and the handler answers 400', promise: '400; what else was written is stored' },
    { name: '`save(cb)` refused, and the handler redirects to a message', promise: 'the message is stored' },
    { name: 'a late `send()`, the session revoked meanwhile', promise: '401; the handler notices nothing' },
    { name: 'a late `writeHead()`, the session revoked meanwhile', promise: '401; the handler notices nothing' },
    {
      name: 'a second answer, after the first turned into a 401',
      promise: 'goes nowhere; the handler notices nothing',
    },
    {
      name: 'an `HttpException` below 500, and a late `send()`',
      promise: 'the exception answers; the rest goes nowhere',
    },
    { name: 'an `Error`, and a late `writeHead()`', promise: '500; the rest goes nowhere' },
    { name: 'a rejected promise, and a `send()` before it is answered', promise: '409; the rest goes nowhere' },
    { name: 'a timeout of an interceptor answers 408, and the handler later', promise: '408; the rest goes nowhere' },
    {
      name: 'a WebSocket handshake through socket.io’s engine, whose middleware writes',
      promise: 'is answered; a new visitor gets neither a row nor a cookie',
      on: HTTP_1,
    },
    { name: 'the store fails at the answer', promise: '503 with `Retry-After`; the handler notices nothing' },
  ],
};

export const STREAMS: Group<OwnScenario> = {
  file: 'streams.spec.ts',
  title: 'While a stream is open',
  scenarios: [
    { name: '`@Sse()`, before anything is emitted', promise: 'the headers leave at once, with the cookie' },
    { name: '`@Sse()`, with a `login()`', promise: 'the headers wait for the login, and carry its cookie' },
    { name: '`@Sse()`, with every event', promise: 'stored before the event is sent' },
    { name: '`@Sse()`, after the last event', promise: 'stored before the stream ends' },
    { name: '`@Sse()`, when the client has gone', promise: 'stored' },
    { name: '`@Sse()`, as an access', promise: 'the expiry is renewed when the stream begins' },
    { name: '`@Sse()`, the session cannot be loaded', promise: '503, and the handler does not run' },
    { name: '`@Sse()`, failing after an event', promise: 'what was sent is stored, what came since is discarded' },
    {
      name: '`@Sse()`, a new session after the headers',
      promise: 'refused: `SessionHeadersSentError` in the log, an `error` event in the stream',
    },
    { name: '`write()` and `end()`, between them', promise: 'stored before the answer ends' },
    { name: 'an async iterable, between its pieces', promise: 'stored before the answer ends' },
    { name: '`StreamableFile`, between its pieces', promise: 'stored before the answer ends' },
    {
      name: 'a new session after the first byte',
      promise: 'refused: `SessionHeadersSentError` in the log, and the answer is cut off',
    },
    {
      name: '`setTtl()` beyond the end of the cookie after the first byte',
      promise: 'refused, and the answer is cut off',
    },
    { name: '`setTtl()` within it after the first byte', promise: 'stored before the answer ends' },
    { name: 'the store cannot be reached after the first byte', promise: 'the answer is cut off' },
    { name: 'the session ends after the first byte', promise: 'refused, and the answer is cut off' },
  ],
};

export const CONNECTIONS: Group<OwnScenario> = {
  file: 'connections.spec.ts',
  title: 'Connections',
  scenarios: [
    { name: 'keep-alive', promise: 'every answer of a connection is saved before it is sent', on: HTTP_1 },
    { name: 'pipelined requests', promise: 'every answer, in their order, is saved before it is sent', on: HTTP_1 },
    {
      name: 'many requests at once on one connection',
      promise: 'every answer is saved before it is sent',
      on: HTTP_2,
    },
    { name: 'the client goes away while it uploads', promise: 'nothing is stored' },
    { name: 'the client goes away while the handler works', promise: 'stored whole' },
    { name: 'the client goes away while the session is being stored', promise: 'stored whole' },
    { name: 'the client goes away while an Observable is at work', promise: 'nothing is stored' },
    { name: 'the client goes away while it reads', promise: 'what was changed before the first byte is stored' },
    { name: 'a hundred clients go away', promise: 'no connection, transaction or session is left behind' },
  ],
};

const WHOLE = 'stored whole, once';
const DROPPED = 'dropped: no status says whether to store them';

export const ABANDONED: Group<OwnScenario> = {
  file: 'abandoned.spec.ts',
  title: 'What a handler answers with whose client has gone before the first byte',
  scenarios: [
    { name: 'a `StreamableFile`', promise: WHOLE },
    { name: '`pipeline()`, called once the client has gone', promise: DROPPED, on: EXPRESS },
    { name: '`pipeline()`, while it waits for its source', promise: 'discarded: it fails' },
    { name: '`res.download()`', promise: DROPPED, on: EXPRESS },
    { name: '`res.sendFile()`', promise: DROPPED, on: EXPRESS },
    { name: '`send()` of a stream', promise: DROPPED, on: ['Fastify'] },
    { name: '`send()` of a stream, over HTTP/2', promise: WHOLE, on: HTTP_2 },
    { name: '`pipe()` in a callback', promise: WHOLE },
    { name: 'nothing, as the handler sees that the response has closed', promise: DROPPED },
    { name: 'an `Error`', promise: 'discarded' },
    { name: 'an `Error`, as its client breaks off an upload', promise: 'discarded' },
  ],
};

export const TRIALS: Group<OwnScenario> = {
  file: 'trials.spec.ts',
  title: 'Set, then read by another process',
  scenarios: [{ name: '1,000 trials, 20 at a time', promise: 'not one misses' }],
};
