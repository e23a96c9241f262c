import { SessionStoreUnavailableError } from 'nestjs-mikro-session';
import type { SessionStore } from 'nestjs-mikro-session/store';

/** How an operation of the store fails: before it has done anything, or after it has done all, so that only its answer is lost. */
export type Fault = 'before' | 'after';

/** The operations of one request that can fail. */
const FALLIBLE: ReadonlySet<PropertyKey> = new Set([
  'find',
  'refind',
  'findOneOf',
  'create',
  'commit',
  'commitIf',
  'update',
  'login',
  'rotate',
  'delete',
]);

/** Says which of the next operations of a store fail. */
export class Faults {
  #planned: readonly (Fault | null)[] = [];
  #met = 0;

  /** @param planned for each of the operations that come next; those after them succeed */
  plan(planned: readonly (Fault | null)[]): void {
    this.#planned = planned;
    this.#met = 0;
  }

  /** From now on nothing fails. Returns whether anything has. */
  end(): boolean {
    const hasFailed = this.#planned.slice(0, this.#met).some((fault) => fault !== null);
    this.plan([]);
    return hasFailed;
  }

  /** A store of which operations fail as planned. */
  of<Store extends SessionStore>(store: Store): Store {
    return new Proxy(store, {
      get: (target, key) => {
        const member: unknown = Reflect.get(target, key, target);
        if (typeof member !== 'function') return member;
        if (!FALLIBLE.has(key)) return member.bind(target) as unknown;
        return async (...args: unknown[]): Promise<unknown> => {
          const fault = this.#planned[this.#met++] ?? null;
          if (fault === 'before') throw failed(key);
          const result: unknown = await Reflect.apply(member, target, args);
          if (fault === 'after') throw failed(key);
          return result;
        };
      },
    });
  }
}

const failed = (key: PropertyKey): Error => new SessionStoreUnavailableError(`${String(key)} (planned)`);
