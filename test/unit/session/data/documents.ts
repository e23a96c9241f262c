import type { DataChanges } from '../../../../lib/session/data/changes.js';
import { TrackedData } from '../../../../lib/session/data/tracked-data.js';

/** A document loaded from a row that holds this; a text is taken as it is. */
export function load(row: object | string | null, onUnreadable: (error: unknown) => void = fail): TrackedData {
  return new TrackedData(sourceOf(row), onUnreadable);
}

function sourceOf(row: object | string | null): { data: string } | null {
  return row === null ? null : { data: typeof row === 'string' ? row : JSON.stringify(row) };
}

/** The changes of a document as plain data. */
export function changesOf(document: TrackedData) {
  const changes = document.changes();
  return (
    changes && {
      set: Object.fromEntries([...changes.set].map(([key, text]) => [key, JSON.parse(text) as unknown])),
      unset: changes.unset,
      increment: Object.fromEntries(changes.increment),
      push: Object.fromEntries([...changes.push].map(([key, text]) => [key, JSON.parse(text) as unknown])),
    }
  );
}

/** No changes, as plain data: to be spread. */
export const nothing = { set: {}, unset: [] as string[], increment: {}, push: {} };

/** Changes that the document is sure to have. */
export function pending(document: TrackedData): DataChanges {
  const changes = document.changes();
  if (changes === null) throw new Error('the document has no changes');
  return changes;
}

/** What a store does with changes: merges them into the row as it is by then. */
export function merge(row: Record<string, any>, changes: DataChanges): Record<string, any> {
  const merged = Object.assign(Object.create(null) as Record<string, any>, row);
  for (const key of changes.unset) delete merged[key];
  for (const [key, text] of changes.set) merged[key] = JSON.parse(text);
  for (const [key, by] of changes.increment) merged[key] = (valueOf(row, key) ?? 0) + by;
  for (const [key, items] of changes.push)
    merged[key] = [...(valueOf(row, key) ?? []), ...(JSON.parse(items) as unknown[])];
  return merged;
}

function valueOf(row: Record<string, any>, key: string): any {
  return Object.hasOwn(row, key) ? row[key] : undefined;
}

function fail(error: unknown): void {
  throw new Error('the stored data could not be read', { cause: error });
}
