import type { ServerResponse } from 'node:http';
import type { Callback, DifferentialRequest } from './request.js';

type Middleware = (request: DifferentialRequest, response: ServerResponse, next: () => void) => void;

function descriptorOf(request: object): PropertyDescriptor {
  for (let one: object | null = request; one !== null; one = Object.getPrototypeOf(one) as object | null) {
    const descriptor = Object.getOwnPropertyDescriptor(one, 'session');
    if (descriptor !== undefined) return descriptor;
  }
  throw new Error('request.session is nowhere.');
}

/** Has `request.session` be what a function makes of the real one. */
function viewed(view: (session: object) => object): Middleware {
  return (request, _response, next) => {
    const views = new WeakMap<object, object>();
    let own = descriptorOf(request);
    const read = (): unknown => (own.get ? own.get.call(request) : own.value);
    Object.defineProperty(request, 'session', {
      configurable: true,
      get: () => {
        const session = read();
        if (typeof session !== 'object' || session === null) return session;
        if (!views.has(session)) views.set(session, view(session));
        return views.get(session);
      },
      set: (value: unknown) => {
        if (own.set) own.set.call(request, value);
        else own = { value };
      },
    });
    next();
  };
}

/** The real session, but for what is given here. */
function overriding(members: (session: any) => Readonly<Record<string, unknown>>, traps = {}): Middleware {
  return viewed((session) => {
    const own = members(session);
    const view: object = new Proxy(session, {
      get(target, key) {
        if (typeof key === 'string' && Object.hasOwn(own, key)) return own[key];
        const member: unknown = Reflect.get(target, key);
        if (typeof member !== 'function') return member;
        return (...args: unknown[]): unknown => {
          const result: unknown = Reflect.apply(member, target, args);
          return result === target ? view : result;
        };
      },
      ...traps,
    });
    return view;
  });
}

/** Ways to break our side on purpose, so that it is seen that the checker sees it. */
export const SABOTAGES = {
  /** Nothing is deleted. */
  deletesNothing: overriding(() => ({}), { deleteProperty: () => true }),
  /** Nothing: it has to differ in nothing. */
  nothing: overriding(() => ({})),
  /** `regenerate()` changes nothing. */
  regeneratesNothing: overriding(() => ({ regenerate: (callback: Callback) => setImmediate(callback) })),
  /** `save()` never calls back. */
  silentSave: overriding((session) => ({ save: () => void session.save() })),
  /** The callback of `save()` is called by a promise, which is nobody's. */
  floatingPromise: overriding((session) => ({
    save: (callback: Callback) => {
      void Promise.reject(new Error('sabotage'));
      return session.save(callback);
    },
  })),
  /** Something throws when everybody is gone. */
  uncaught: overriding((session) => ({
    reload: (callback: Callback) => {
      setImmediate(() => {
        throw new Error('sabotage');
      });
      return session.reload(callback);
    },
  })),
} as const satisfies Record<string, Middleware>;

export type SabotageName = keyof typeof SABOTAGES;
