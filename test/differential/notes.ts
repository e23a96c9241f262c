/** What a handler saw at one of its steps. */
export interface Note {
  readonly step: string;
  /** JSON. */
  readonly result?: unknown;
  /** An id: which one does not count, only whether it is that of another note. */
  readonly id?: string;
}

/** What JSON makes of a value. */
export function asJson(value: unknown): unknown {
  const json = JSON.stringify(value) as string | undefined;
  return json === undefined ? undefined : JSON.parse(json);
}

/** The same with the keys of every object in order. */
export function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(entries.map(([key, one]) => [key, inOrder(one)]));
}

/** A key that only express-session's side has, see `savedThenEmptied`. */
export const KEPT = 'kept by the differential test';
