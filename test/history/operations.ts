import type { Random } from './random.js';

/** One thing that a handler does with its session. Every value written carries the number of its write. */
export type Operation =
  | { readonly kind: 'set' | 'mutate'; readonly key: string; readonly write: number }
  | { readonly kind: 'unset'; readonly key: string }
  | { readonly kind: 'increment' | 'update'; readonly by: number; readonly write: number }
  | { readonly kind: 'push'; readonly writes: readonly number[] }
  | { readonly kind: 'flash'; readonly category: string; readonly write: number }
  | { readonly kind: 'flashes'; readonly category: string | null }
  | { readonly kind: 'read' | 'clear' | 'save' | 'regenerate' | 'logout' | 'destroy' }
  | { readonly kind: 'login'; readonly user: string }
  | { readonly kind: 'pause'; readonly milliseconds: number };

/** What an administrator does, past the visitor's cookie. */
export type RevocationRequest =
  | { readonly kind: 'revoke'; readonly id: string }
  | { readonly kind: 'revokeUser'; readonly user: string; readonly except: string | null };

/** How often, in one episode, something happens that is not a change of data: shares of all visits. */
export interface Profile {
  readonly name: string;
  readonly regenerate: number;
  readonly login: number;
  readonly logout: number;
  readonly destroy: number;
  readonly revoke: number;
  readonly clear: number;
  /** A cookie that was replaced, or whose session has ended, is tried again. */
  readonly replay: number;
}

const calm = { regenerate: 0.02, login: 0, logout: 0, destroy: 0, revoke: 0, clear: 0, replay: 0.01 };

/** Episodes differ, so that each promise is tried both by itself and in the company of the others. */
export const PROFILES: readonly Profile[] = [
  { name: 'calm', ...calm },
  { name: 'rotations', ...calm, regenerate: 0.15, replay: 0.04 },
  { name: 'clears', ...calm, clear: 0.04 },
  { name: 'logins', ...calm, login: 0.05, replay: 0.03 },
  { name: 'ends', ...calm, login: 0.02, logout: 0.02, destroy: 0.02, revoke: 0.02, replay: 0.04 },
  {
    name: 'storm',
    regenerate: 0.06,
    login: 0.06,
    logout: 0.02,
    destroy: 0.01,
    revoke: 0.03,
    clear: 0.02,
    replay: 0.05,
  },
];

/** Keys that are written and removed as a whole. */
export const REGISTERS = ['r0', 'r1', 'r2', 'r3', 'r4'] as const;
/** Keys that hold an object which is changed in place. */
export const BOXES = ['b0', 'b1'] as const;
const CATEGORIES = ['info', 'error'] as const;

const DATA = {
  read: 4,
  set: 4,
  unset: 1.5,
  mutate: 2,
  increment: 4,
  push: 3,
  flash: 2.5,
  flashes: 1,
  update: 1.5,
  save: 0.7,
};

/** Gives the next number of a write. */
export type Numbering = () => number;

/**
 * What one request does. The checker relies on this much of its form: a register is touched once in a request; `clear`
 * comes first, and only what it does not make absolute follows it; there is one change of credential, and a login has
 * nothing stored just before it.
 */
export function generateVisit(
  random: Random,
  profile: Profile,
  users: readonly string[],
  number: Numbering,
  isOpening = false,
): Operation[] {
  const operations: Operation[] = [];
  const maker = new DataOperations(random, number);
  if (isOpening) return [maker.make('set'), maker.make('push')];

  const { regenerate, login, logout, destroy, clear } = profile;
  const change = random.weighted({
    none: 1 - regenerate - login - logout - destroy - clear,
    regenerate,
    login,
    logout,
    destroy,
    clear,
  });
  if (change === 'clear') {
    operations.push({ kind: 'clear' });
    for (let count = random.integer(0, 3); count > 0; count--)
      operations.push(maker.make(random.pick(['set', 'mutate', 'flash'] as const)));
  } else {
    const isQuick = random.chance(0.15);
    for (let count = isQuick ? 1 : random.integer(1, 6); count > 0; count--) {
      const kind = random.weighted(DATA);
      if (change === 'login' && (kind === 'save' || kind === 'update')) continue;
      operations.push(maker.make(kind));
    }
  }
  pauseSomewhere(random, operations, 0);
  if (change === 'none' || change === 'clear') return operations;
  if (change === 'login') operations.push({ kind: 'login', user: random.pick(users) });
  else operations.push({ kind: change });
  const pivot = operations.length;
  for (let count = random.integer(0, 4); count > 0; count--) operations.push(maker.make(random.weighted(DATA)));
  pauseSomewhere(random, operations, pivot);
  return operations;
}

/** Holds a request up, so that others get in between its load and its commit. */
function pauseSomewhere(random: Random, operations: Operation[], from: number): void {
  if (!random.chance(0.35)) return;
  const pause: Operation = { kind: 'pause', milliseconds: random.integer(1, 4) };
  operations.splice(random.integer(from, operations.length), 0, pause);
}

class DataOperations {
  readonly #random: Random;
  readonly #number: Numbering;
  readonly #touched = new Set<string>();

  constructor(random: Random, number: Numbering) {
    this.#random = random;
    this.#number = number;
  }

  make(kind: keyof typeof DATA): Operation {
    const random = this.#random;
    switch (kind) {
      case 'set':
      case 'unset': {
        const key = this.#untouched(REGISTERS);
        if (key === undefined) return { kind: 'read' };
        return kind === 'unset' ? { kind, key } : { kind, key, write: this.#number() };
      }
      case 'mutate': {
        const key = this.#untouched(BOXES);
        return key === undefined ? { kind: 'read' } : { kind, key, write: this.#number() };
      }
      case 'increment':
      case 'update':
        return { kind, by: random.integer(1, 5), write: this.#number() };
      case 'push':
        return { kind, writes: Array.from({ length: random.integer(1, 2) }, this.#number) };
      case 'flash':
        return { kind, category: random.pick(CATEGORIES), write: this.#number() };
      case 'flashes':
        return { kind, category: random.chance(0.5) ? random.pick(CATEGORIES) : null };
      default:
        return { kind };
    }
  }

  #untouched(keys: readonly string[]): string | undefined {
    const left = keys.filter((key) => !this.#touched.has(key));
    if (left.length === 0) return undefined;
    const key = this.#random.pick(left);
    this.#touched.add(key);
    return key;
  }
}
