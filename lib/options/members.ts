import { isPlainObject, kindOf } from '../session/data/json.js';
import { SessionConfigurationError } from '../session.errors.js';
import { inQuotes } from '../shown.js';

/** All options of the module, in a message. */
export const OPTIONS = 'The options of SessionModule';

/** To follow what is undefined, in a message. */
export const CIRCULAR_IMPORT =
  'So is a constant as long as its file and this one import each other (a circular import). Fix: move the constant into a ' +
  'file of its own';

/**
 * What an object of options holds. Read once, so that what is checked is what is used.
 *
 * @param what the object, in a message
 * @throws {SessionConfigurationError} for anything but a plain object, and for one that cannot be read.
 */
export function membersOf(what: string, values: unknown): Record<string, unknown> {
  try {
    if (isPlainObject(values)) {
      const members = Object.assign(Object.create(null) as Record<string, unknown>, values);
      // To copy it key by key, as Nest does, would make another prototype of it.
      if (!Object.hasOwn(members, '__proto__')) return members;
      throw new SessionConfigurationError(`${what} cannot have a member "__proto__". Fix: remove it.`);
    }
  } catch (cause) {
    if (cause instanceof SessionConfigurationError) throw cause;
    throw new SessionConfigurationError(
      `${what} cannot be read: a getter or a proxy throws. Fix: pass an object of plain values.`,
      { cause },
    );
  }
  const fix = values === undefined ? CIRCULAR_IMPORT : 'Fix: pass { … }';
  throw new SessionConfigurationError(`${what} must be an object, but was ${kindOf(values)}. ${fix}.`);
}

export function unknownOption(of: string, name: string, known: readonly string[]): SessionConfigurationError {
  return new SessionConfigurationError(
    `${of} has no option ${inQuotes(name)}. Fix: remove it, or use one of ${known.join(', ')}.`,
  );
}
