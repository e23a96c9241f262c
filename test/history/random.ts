/** Added for each number; odd, and 2³² divided by the golden ratio. */
const STEP = 0x9e3779b9;

/** Spreads a change of any bit over all 32 (the finalizer of splitmix32). */
function mixed(value: number): number {
  let bits = value | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x21f0aaad);
  bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97);
  return (bits ^ (bits >>> 15)) >>> 0;
}

/** A seeded generator (splitmix32): the same seed gives the same choices, the next seed others. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = mixed(seed + STEP);
  }

  /** A number from 0 up to, not including, 1. */
  next(): number {
    this.#state = (this.#state + STEP) >>> 0;
    return mixed(this.#state) / 4_294_967_296;
  }

  /** A whole number from `least` to `most`, both included. */
  integer(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.integer(0, items.length - 1)] as Item;
  }

  /** One of the names, each as often as its weight says. */
  weighted<Name extends string>(weights: Readonly<Record<Name, number>>): Name {
    const entries = Object.entries(weights) as [Name, number][];
    let left = this.next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [name, weight] of entries) if ((left -= weight) < 0) return name;
    return (entries.at(-1) as [Name, number])[0];
  }

  /** An independent generator, for one of many that share a seed: at this place among them. */
  static of(seed: number, ...path: readonly number[]): Random {
    return new Random(
      path.reduce((state, step) => mixed(Math.imul(state, STEP) + mixed(step + STEP)), mixed(seed + STEP)),
    );
  }
}
