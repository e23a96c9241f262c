import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isPlainObject } from '../session/data/json.js';
import { escaped, inQuotes } from '../shown.js';
import { UsageError } from './usage-error.js';

/**
 * The object that a file of the application exports by default, or what a function gives that it exports.
 *
 * @param what the file is, to begin a sentence
 * @param content what its default export is to be
 * @throws {UsageError} where there is none
 */
export async function defaultExportOf(file: string, what: string, content: string): Promise<Record<string, unknown>> {
  const shown = `${what} ${inQuotes(file)}`;
  let found: unknown;
  try {
    const module = (await import(pathToFileURL(resolve(file)).href)) as { default?: unknown };
    found = module.default;
    // As a module of CommonJS has it that was compiled from an export by default.
    if (isPlainObject(found) && 'default' in found) found = found['default'];
    if (typeof found === 'function') found = (found as () => unknown)();
    found = await found;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason =
      code === 'ERR_UNKNOWN_FILE_EXTENSION'
        ? 'this Node.js runs no TypeScript; give the compiled file, or use Node.js 22.18 or newer'
        : escaped(String(message).split('\n', 1)[0] as string);
    throw new UsageError(`${shown} could not be loaded: ${reason}.`, { cause: error });
  }
  if (isPlainObject(found)) return found;
  throw new UsageError(`${shown} has no ${content} as its default export.`);
}
