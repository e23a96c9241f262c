import type { ServerResponse } from 'node:http';
import type { Callback, DifferentialRequest } from './request.js';

type Middleware = (request: DifferentialRequest, response: ServerResponse, next: () => void) => void;

/** Has `request.session` be what a function makes of the real one. */
function viewed(view: (session: object) => object): Middleware {
  return (request, _response, next) => {
    const views = new WeakMap<object, object>();
    let own = Object.getOwnPropertyDescriptor(request, 'session');
    if (own === undefined) throw new Error('request.session is nowhere.');
    const read = (): unknown => (own?.get ? own.get.call(request) : own?.value);
    Object.defineProperty(request, 'session', {
      configurable: true,
      get: () => {
        const session = read();
        if (typeof session !== 'object' || session === null) return session;
        if (!views.has(session)) views.set(session, view(session));
        return views.get(session);
      },
      set: (value: unknown) => {
        if (own?.set) own.set.call(request, value);
        else own = { value };
      },
    });
    next();
  };
}

const overriding = (members: (session: any) => Readonly<Record<string, unknown>>): Middleware =>
  viewed((session) => {
    const own = members(session);
    return new Proxy(session, {
      get: (target, key) => (typeof key === 'string' && Object.hasOwn(own, key) ? own[key] : Reflect.get(target, key)),
    });
  });

/** Ways to break our side on purpose, so that it is seen that the checker sees it. */
export const SABOTAGES = {
  /** Nothing is deleted. */
  deletesNothing: viewed((session) => new Proxy(session, { deleteProperty: () => true })),
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
