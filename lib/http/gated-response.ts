import type { ServerResponse } from 'node:http';

/**
 * - `closed`: nothing has been sent yet.
 * - `holding`: what was to be sent waits for the session to be stored.
 * - `open`: everything passes.
 * - `refused`: an error is sent instead, and what the handler still sends is dropped.
 */
export type GateState = 'closed' | 'holding' | 'open' | 'refused';

/** What changes headers, and must fail once they count as sent. */
const AMENDING = ['setHeader', 'appendHeader', 'removeHeader', 'setHeaders'];
/** What sends something besides the four methods that the gate replaces. */
const SENDING_BESIDES = ['addTrailers', 'writeContinue', 'writeEarlyHints', 'writeProcessing'];

/**
 * Has a response answer by the state of its gate, until the function that is returned is called. While it is `holding`, its
 * headers count as sent. While it is `refused`, what the handler still calls does nothing and throws nothing; Fastify reads
 * `writableEnded`, and warns of a handler that sends after the end.
 *
 * By another prototype for as long, one for all responses of a kind: properties of each response's own cost more of a whole
 * request (docs/decisions/0014).
 */
export function answerAs(response: ServerResponse, state: 'holding' | 'refused'): () => void {
  const prototype = Object.getPrototypeOf(response) as object;
  const { statusCode } = response;
  Object.setPrototypeOf(response, (state === 'holding' ? sentLike : mutedLike)(prototype));
  return () => {
    response.statusCode = statusCode;
    Object.setPrototypeOf(response, prototype);
  };
}

/** What a held response inherits from. */
const sentLike = oncePerPrototype((prototype) => {
  const made = Object.create(prototype, { headersSent: { value: true } }) as Record<string, unknown>;
  for (const method of AMENDING) {
    made[method] = () => {
      throw headersSentError();
    };
  }
  return made;
});

/** What a refused response inherits from. */
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

/** The same as Node's own. */
export function headersSentError(): Error {
  const error = new Error('Cannot set headers after they are sent to the client');
  return Object.assign(error, { code: 'ERR_HTTP_HEADERS_SENT' });
}
