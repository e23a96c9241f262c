import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { takeIncidents } from '../differential/incidents.js';

/** A sentence that holds for all cases, and how they are made. */
export interface FuzzProperty {
  readonly title: string;
  /** How many of a run's cases it gets, beside the other properties. */
  readonly share: number;
  /** What it works on: of the properties that name the same, one is tried at a time. */
  readonly place: string;
  readonly cases: fc.IAsyncPropertyWithHooks<unknown[]>;
}

/** @param holds throws, or rejects, for a case of which the sentence is not true */
export function fuzzProperty<Case extends [unknown, ...unknown[]]>(
  { title, share, place }: Omit<FuzzProperty, 'cases'>,
  arbitraries: { [Part in keyof Case]: fc.Arbitrary<Case[Part]> },
  holds: (...parts: Case) => Promise<void>,
): FuzzProperty {
  const cases = fc.asyncProperty(...arbitraries, async (...parts: Case) => {
    await holds(...parts);
    // What a rejection leaves behind is reported once everything that waits has run.
    await setImmediate();
    const incidents = [...takeIncidents(), ...pollution()];
    if (incidents.length > 0) throw new Error(incidents.join('\n'));
  });
  return { title, share, place, cases: cases as unknown as fc.IAsyncPropertyWithHooks<unknown[]> };
}

const PROTOTYPES = [Object, Array, String, Number, Boolean, Function, Map, Promise, Error].map(
  ({ prototype, name }) => ({ name, prototype: prototype as object }),
);
const shapeOf = (prototype: object): string => Reflect.ownKeys(prototype).map(String).join();
let shapes: readonly string[] | null = null;

/** Prototypes of the language that are not what they were before the first case. Mended, so that the next case is judged by itself. */
function pollution(): string[] {
  const found: string[] = [];
  shapes ??= PROTOTYPES.map(({ prototype }) => shapeOf(prototype));
  for (const [index, { name, prototype }] of PROTOTYPES.entries()) {
    const before = shapes[index] as string;
    if (shapeOf(prototype) === before) continue;
    const known = new Set(before.split(','));
    const added = Reflect.ownKeys(prototype).filter((key) => !known.has(String(key)));
    for (const key of added) Reflect.deleteProperty(prototype, key);
    found.push(`${name}.prototype is polluted: ${added.map(String).join()}`);
  }
  return found;
}

/** Notes what the prototypes are like, before the first case. */
export function notePrototypes(): void {
  pollution();
}
