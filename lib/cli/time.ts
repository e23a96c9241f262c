/** The last moment that a `Date` has, in milliseconds since the epoch. */
const LATEST = 8.64e15;

/** A time of the database's as text, to the second; `null` for none, and for what no clock shows. */
export function timeOf(milliseconds: number | null): string | null {
  if (milliseconds === null || !(Math.abs(milliseconds) <= LATEST)) return null;
  return new Date(milliseconds).toISOString().replace(/\.\d+Z$/, 'Z');
}
