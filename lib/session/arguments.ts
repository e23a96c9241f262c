import { SessionArgumentError } from '../session.errors.js';
import { inQuotes } from '../shown.js';
import { isPlainObject, kindOf } from './data/json.js';

/**
 * What a method is given by name, read once, without what a polluted prototype would add to it.
 *
 * @param known the names that there are; any, unless given
 * @throws {SessionArgumentError} for anything but a plain object, and for one with other members.
 */
export function argumentsOf<Options extends object>(
  method: string,
  options: Options | undefined,
  known?: readonly (keyof Options & string)[],
): Partial<Options> {
  const members = membersOf(options);
  if (members === null) {
    throw new SessionArgumentError(`${method}() takes a plain object there, but got ${kindOf(options)}.`);
  }
  const unknown = known && Object.keys(members).find((name) => !known.includes(name as never));
  if (unknown === undefined) return members;
  throw new SessionArgumentError(`${method}() has no option ${inQuotes(unknown, 40)}, but ${known?.join(', ')}.`);
}

function membersOf<Options extends object>(options: Options | undefined): Partial<Options> | null {
  try {
    return isPlainObject(options) ? Object.assign(Object.create(null) as Partial<Options>, options) : null;
  } catch {
    // A proxy that throws.
    return null;
  }
}
