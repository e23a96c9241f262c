/** What `increment()` and `push()` were called with, in order; the database does the additions. */
export interface Additions {
  readonly increment: Map<string, number[]>;
  readonly push: Map<string, unknown[]>;
}

export function noAdditions(): Additions {
  return { increment: new Map(), push: new Map() };
}

/** Adds to what is known of a key. */
export function append<Item>(additions: Map<string, Item[]>, key: string, items: Item[]): void {
  const known = additions.get(key);
  if (known) known.push(...items);
  else additions.set(key, [...items]);
}

/** Additions in the order in which they were made. */
export function joined(first: Additions | null, then: Additions | null): Additions | null {
  if (first === null || then === null) return first ?? then;
  for (const [key, steps] of then.increment) append(first.increment, key, steps);
  for (const [key, items] of then.push) append(first.push, key, items);
  return first;
}
