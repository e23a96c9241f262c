import { parseObject, sameJson } from './json.js';

/** Values that were read from a session's data: JSON text by top-level key, `null` where there was nothing, or null. */
export type FoundValues = ReadonlyMap<string, string | null>;

/** Whether a session's data, a JSON text, still says what was found. */
export function areStillFound(found: FoundValues, data: string): boolean {
  const valueOf = valuesOf(data);
  for (const [key, text] of found) if (!sameJson(valueOf(key), JSON.parse(text ?? 'null'))) return false;
  return true;
}

/** What a session's data, a JSON text, says under a key; `null` where there is nothing. */
export function valuesOf(data: string): (key: string) => unknown {
  const document = parseObject(data) ?? {};
  return (key) => (Object.hasOwn(document, key) ? document[key] : null);
}
