import { kindOf } from '../session/data/json.js';
import { type Duration, DURATION_HINT, parseDuration, shownDuration } from '../session/lifetime.js';
import { SessionConfigurationError } from '../session.errors.js';
import { inQuotes } from '../shown.js';
import { membersOf, OPTIONS, unknownOption } from './members.js';

/** Options of express-session that are none here: what takes their place is on one page. */
const OF_EXPRESS_SESSION = new Set([
  'secret',
  'resave',
  'rolling',
  'genid',
  'unset',
  'name',
  'proxy',
  'cookie.maxAge',
  'cookie.expires',
  'cookie.httpOnly',
  'cookie.signed',
  'cookie.originalMaxAge',
]);

/** Reads the members of one object of options. */
export class OptionReader {
  readonly #prefix: string;
  readonly #values: Record<string, unknown>;

  /** @param known all that there are; with `besides`, those that stand beside a factory */
  constructor(prefix: string, values: unknown, known: readonly string[], besides: readonly string[] = []) {
    this.#prefix = prefix === '' ? '' : `${prefix}.`;
    this.#values = membersOf(prefix === '' ? OPTIONS : `SessionModule option "${prefix}"`, values);
    for (const key of Object.keys(this.#values)) {
      if (known.includes(key)) continue;
      const name = this.#prefix + key;
      if (besides.includes(name)) {
        throw new SessionConfigurationError(
          `SessionModule option ${inQuotes(name)} must be known before the factory is called, and is not read from what it ` +
            `gives. Fix: move it beside the factory, as in forRootAsync({ ${name}, useFactory }).`,
        );
      }
      if (!OF_EXPRESS_SESSION.has(name)) throw unknownOption('SessionModule', name, [...known, ...besides]);
      throw new SessionConfigurationError(
        `SessionModule has no option ${inQuotes(name)}. It is one of express-session: ` +
          'docs/migrating-from-express-session.md says what takes its place.',
      );
    }
  }

  has(name: string): boolean {
    return (this.#values[name] ?? null) !== null;
  }

  /** As it was given: not checked. */
  value(name: string): unknown {
    return this.#values[name];
  }

  object(name: string): unknown {
    return this.#values[name] ?? {};
  }

  boolean(name: string, fallback: boolean): boolean {
    return this.oneOf(name, fallback, [true, false] as const);
  }

  oneOf<const Value extends string | boolean>(name: string, fallback: Value, allowed: readonly Value[]): Value {
    const value = this.#values[name] ?? fallback;
    if (allowed.includes(value as Value)) return value as Value;
    throw this.#wrong(name, value, `one of ${allowed.map((item) => JSON.stringify(item)).join(', ')}`);
  }

  text<Fallback extends string | undefined>(
    name: string,
    fallback: Fallback,
    form: RegExp,
    hint: string,
    most = Infinity,
  ): string | Fallback {
    const value = this.#values[name] ?? fallback;
    const fits = typeof value === 'string' && value.length <= most && form.test(value);
    if (value === undefined || fits) return value as string | Fallback;
    throw this.#wrong(name, value, most === Infinity ? hint : `${hint}, of at most ${most} characters`);
  }

  integer(name: string, fallback: number, least: number, most: number): number {
    const value = this.#values[name] ?? fallback;
    if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most) return value as number;
    throw this.#wrong(name, value, `a whole number from ${least} to ${most}`);
  }

  duration(name: string, fallback: Duration, least: number, most = Infinity, also = ''): number {
    const value = this.#values[name] ?? fallback;
    const milliseconds = parseDuration(value);
    if (milliseconds !== undefined && milliseconds >= least && milliseconds <= most) return milliseconds;
    const expected = [DURATION_HINT + (least > 0 ? ', longer than zero' : ', not negative'), also].join(' ').trim();
    throw this.#wrong(name, value, expected, shownDuration(value));
  }

  #wrong(name: string, value: unknown, expected: string, shown = shownValue(value)): SessionConfigurationError {
    return new SessionConfigurationError(
      `SessionModule option "${this.#prefix}${name}" must be ${expected}, but was ${shown}. Fix: correct it, or leave it out.`,
    );
  }
}

function shownValue(value: unknown): string {
  if (typeof value === 'string') return inQuotes(value);
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : kindOf(value);
}
