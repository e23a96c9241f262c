import { setImmediate } from 'node:timers/promises';
import { MemorySessionStore } from 'nestjs-mikro-session';
import { type ResolvedSessionOptions } from 'nestjs-mikro-session/store';

const SLOW: ReadonlySet<PropertyKey> = new Set([
  'find',
  'refind',
  'create',
  'commit',
  'commitIf',
  'update',
  'login',
  'rotate',
  'delete',
]);

/** In memory, but answering no sooner than a handler's timers and callbacks go on, as a database does. */
export function slowMemoryStore(options: ResolvedSessionOptions): MemorySessionStore {
  return new Proxy(new MemorySessionStore(options), {
    get(store, key) {
      const member: unknown = Reflect.get(store, key, store);
      if (typeof member !== 'function') return member;
      if (!SLOW.has(key)) return member.bind(store) as unknown;
      return async (...args: unknown[]): Promise<unknown> => {
        await setImmediate();
        await setImmediate();
        return Reflect.apply(member, store, args) as unknown;
      };
    },
  });
}
