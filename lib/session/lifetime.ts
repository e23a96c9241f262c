import { SessionArgumentError } from '../session.errors.js';
import { inQuotes } from '../shown.js';
import { kindOf } from './data/json.js';

/**
 * A span of time: milliseconds, or a number with a unit (`ms`, `s`, `m`, `h`, `d`, `w`), such as `'30m'` or `'1.5h'`. Any
 * string has the type, as those of the environment do; what it says is checked when it is read, which for options is at start.
 */
// oxlint-disable-next-line typescript/ban-types -- `string` alone would hide the forms from an editor
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd' | 'w'}` | (string & {});

const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
const DURATION = /^(-?\d+(?:\.\d+)?)(ms|s|m|h|d|w)$/;

/** What looks like a duration without its unit. */
const NUMBER = /^\s*\d+(\.\d+)?\s*$/;

/** A thousand years: what no session outlives, and what a PostgreSQL timestamp still holds when added to. */
export const LONGEST_DURATION = 1_000 * 365 * UNITS.d;

/** How to write a duration, for error messages. */
export const DURATION_HINT = "a number of milliseconds, or a string such as '30s', '15m', '12h', '30d'";

/** Milliseconds of a duration, rounded; `undefined` when the value is not one. Negative durations are durations. */
export function parseDuration(value: unknown): number | undefined {
  let milliseconds: number;
  if (typeof value === 'number') {
    milliseconds = value;
  } else if (typeof value === 'string') {
    const match = DURATION.exec(value);
    if (!match) return undefined;
    milliseconds = Number(match[1]) * UNITS[match[2] as keyof typeof UNITS];
  } else {
    return undefined;
  }
  return Math.abs(milliseconds) <= LONGEST_DURATION ? Math.round(milliseconds) : undefined;
}

/**
 * How long a session lives, as its row keeps it: every access sets the expiry to `ttl` from then, and never beyond
 * `absolute` milliseconds from its start (the login, or without one its creation).
 */
export interface Lifetime {
  /** The idle timeout in milliseconds; zero or less means already expired. */
  readonly ttl: number;
  /** The absolute timeout in milliseconds from the start; `null` for none. */
  readonly absolute: number | null;
}

/** The moment after which a session is over, given when it was last used. All in milliseconds of the store's clock. */
export function expiryOf(lastAccessAt: number, ttl: number, endsAt: number | null): number {
  const idleEnd = lastAccessAt + ttl;
  return endsAt === null ? idleEnd : Math.min(idleEnd, endsAt);
}

/** A lifetime of the session's own. */
export interface LifetimeChange {
  readonly ttl: number;
  readonly absolute: Lifetime['absolute'] | undefined;
}

/** A lifetime after a change; `null` for none. */
export function changedLifetime(known: Lifetime, change: LifetimeChange | null): Lifetime {
  if (change === null) return known;
  const { ttl, absolute } = change;
  if (absolute !== undefined) return { ttl, absolute };
  return { ttl, absolute: known.absolute === null ? null : Math.max(known.absolute, ttl) };
}

/**
 * Milliseconds of a duration given as an argument.
 *
 * @throws {SessionArgumentError} when it is none, naming the argument.
 */
export function durationOf(name: string, value: unknown): number {
  const milliseconds = parseDuration(value);
  if (milliseconds === undefined) {
    throw new SessionArgumentError(
      `"${name}" must be ${DURATION_HINT}, but was ${typeof value === 'string' ? kindOfText(value) : shownDuration(value)}.`,
    );
  }
  return milliseconds;
}

/** What an argument is that is no duration: a request may have brought it, so it is not quoted. */
function kindOfText(value: string): string {
  return NUMBER.test(value) ? 'a number without a unit, as a string' : 'another string';
}

/** A duration as it is written in options: in the largest unit of which it is a whole number. */
export function durationText(milliseconds: number): string {
  let text = `${milliseconds}ms`;
  for (const [unit, length] of Object.entries(UNITS)) {
    if (milliseconds !== 0 && milliseconds % length === 0) text = `${milliseconds / length}${unit}`;
  }
  return text;
}

/** What is wrong with a duration, to follow "but was". */
export function shownDuration(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value !== 'string') return kindOf(value);
  const shown = inQuotes(value, 40);
  return value.length <= 40 && NUMBER.test(value)
    ? `${shown}, which has no unit (milliseconds: "${value.trim()}ms")`
    : shown;
}

/** The same for an absolute timeout, where `false` means none and `undefined` nothing in particular. */
export function absoluteOf(value: Duration | false | undefined): number | null | undefined {
  if (value === undefined) return undefined;
  return value === false ? null : durationOf('absolute', value);
}

/** A lifetime of a session's own, where one is given; its idle timeout is the module's unless given. */
export function ownLifetime(
  { ttl, absolute }: { readonly ttl?: Duration | undefined; readonly absolute?: Duration | false | undefined },
  moduleTtl: number,
): LifetimeChange | null {
  if (ttl === undefined && absolute === undefined) return null;
  return { ttl: ttl === undefined ? moduleTtl : durationOf('ttl', ttl), absolute: absoluteOf(absolute) };
}
