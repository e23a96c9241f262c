import { SessionDataError } from '../../session.errors.js';

const marked = new WeakSet<Error>();

/** Marks an error of a statement that may be about one of its sessions: the batch is split until that session is alone. */
export function marksOne<Marked extends Error>(error: Marked): Marked {
  marked.add(error);
  return error;
}

/** Whether an error may be about one session of a batch. One about a value always is. */
export function concernsOne(error: unknown): boolean {
  return error instanceof SessionDataError || (error instanceof Error && marked.has(error));
}

/** Two halves of a list of two or more. */
export function halvesOf<Item>(items: readonly Item[]): [Item[], Item[]] {
  const middle = Math.ceil(items.length / 2);
  return [items.slice(0, middle), items.slice(middle)];
}
