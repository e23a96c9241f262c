import { isPlainObject, kindOf } from '../session/data/json.js';
import { type Duration, DURATION_HINT, parseDuration } from '../session/lifetime.js';
import { SessionConfigurationError } from '../session.errors.js';

/** Reads the members of one object of options. */
export class OptionReader {
  readonly #prefix: string;
  readonly #values: Record<string, unknown>;

  constructor(prefix: string, values: unknown, known: readonly string[]) {
    this.#prefix = prefix === '' ? '' : `${prefix}.`;
    if (!isPlainObject(values)) {
      const what = prefix === '' ? 'The options of SessionModule' : `SessionModule option "${prefix}"`;
      throw new SessionConfigurationError(`${what} must be an object, but was ${kindOf(values)}. Fix: pass { … }.`);
    }
    this.#values = values;
    for (const key of Object.keys(values)) {
      if (known.includes(key)) continue;
      throw new SessionConfigurationError(
        `SessionModule has no option "${this.#prefix}${key}". Fix: remove it, or use one of ${known.join(', ')}.`,
      );
    }
  }

  has(name: string): boolean {
    return (this.#values[name] ?? null) !== null;
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
  ): string | Fallback {
    const value = this.#values[name] ?? fallback;
    if (value === undefined || (typeof value === 'string' && form.test(value))) return value as string | Fallback;
    throw this.#wrong(name, value, hint);
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
    throw this.#wrong(
      name,
      value,
      [DURATION_HINT + (least > 0 ? ', longer than zero' : ', not negative'), also].join(' ').trim(),
    );
  }

  #wrong(name: string, value: unknown, expected: string): SessionConfigurationError {
    const shown = ['string', 'number', 'boolean'].includes(typeof value)
      ? typeof value === 'string'
        ? JSON.stringify(value)
        : String(value)
      : kindOf(value);
    return new SessionConfigurationError(
      `SessionModule option "${this.#prefix}${name}" must be ${expected}, but was ${shown}. Fix: correct it, or leave it out.`,
    );
  }
}
