import { SessionArgumentError } from '../session.errors.js';
import { isPlainObject, kindOf } from './data/json.js';

/**
 * What a method is given by name, read once, without what a polluted prototype would add to it.
 *
 * @throws {SessionArgumentError} for anything but a plain object.
 */
export function argumentsOf<Options extends object>(method: string, options: Options): Partial<Options> {
  try {
    if (isPlainObject(options)) return Object.assign(Object.create(null) as Partial<Options>, options);
  } catch {
    // A proxy that throws.
  }
  throw new SessionArgumentError(`${method}() takes a plain object there, but got ${kindOf(options)}.`);
}
