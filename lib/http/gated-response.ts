import type { ServerResponse } from 'node:http';

/**
 * - `closed`: nothing has been sent yet.
 * - `holding`: what was to be sent waits for the session to be stored.
 * - `open`: everything passes.
 * - `refused`: an error is sent instead, and what the handler still sends is dropped.
 */
export type GateState = 'closed' | 'holding' | 'open' | 'refused';

const STATE = Symbol('nestjs-mikro-session:state');
type Gated = ServerResponse & { [STATE]: () => GateState };
type Method = (...args: unknown[]) => unknown;

/** What changes headers, and must fail once they count as sent. */
const AMENDING = ['setHeader', 'appendHeader', 'removeHeader', 'setHeaders'];
/** What sends something besides the four methods that the gate replaces. */
const SENDING_BESIDES = ['addTrailers', 'writeContinue', 'writeEarlyHints', 'writeProcessing'];

// The same for all responses: an accessor of its own would give each a hidden class of its own, which takes 10 µs.
const PROPERTIES: PropertyDescriptorMap & ThisType<Gated> = {
  headersSent: {
    configurable: true,
    get() {
      return this[STATE]() === 'holding' || inherited(this, 'headersSent');
    },
  },
  writableEnded: {
    configurable: true,
    get() {
      return this[STATE]() !== 'refused' && inherited(this, 'writableEnded');
    },
  },
};

/**
 * Has a response answer by the state of its gate. While it is `holding`, its headers count as sent. Once it is `refused`,
 * what the handler still calls does nothing and throws nothing; Fastify reads `writableEnded`, and warns of a handler that
 * sends after the end. In the other states it answers as it did before.
 */
export function answerByState(response: ServerResponse, state: () => GateState): void {
  (response as Gated)[STATE] = state;
  Object.defineProperties(response, PROPERTIES);
  const methods = response as unknown as Record<string, Method | undefined>;
  for (const name of [...AMENDING, ...SENDING_BESIDES]) {
    const original = methods[name];
    // HTTP/2 has not all of them.
    if (original === undefined) continue;
    methods[name] = (...args) => {
      if (state() === 'refused') return response;
      if (state() === 'holding' && AMENDING.includes(name)) throw headersSentError();
      return original.apply(response, args);
    };
  }
}

function inherited(response: ServerResponse, name: 'headersSent' | 'writableEnded'): boolean {
  return Reflect.get(Object.getPrototypeOf(response) as ServerResponse, name, response);
}

/** The same as Node's own. */
export function headersSentError(): Error {
  const error = new Error('Cannot set headers after they are sent to the client');
  return Object.assign(error, { code: 'ERR_HTTP_HEADERS_SENT' });
}
