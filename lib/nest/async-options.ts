import { CIRCULAR_IMPORT, membersOf, unknownOption } from '../options/members.js';
import { kindOf } from '../session/data/json.js';
import { SessionConfigurationError } from '../session.errors.js';
import { OPTION_NAMES, type SessionModuleOptions } from '../session.options.js';

const WAYS = ['useFactory', 'useClass', 'useExisting'];
const OF_NEST = ['imports', 'inject', 'provideInjectionTokensFrom', ...WAYS];

/**
 * What `forRootAsync()` is given.
 *
 * @param extras the names of the module's own options that may be there
 * @throws {SessionConfigurationError} for anything else, and unless one thing makes the options.
 */
export function asyncMembersOf(given: unknown, extras: readonly string[]): Record<string, unknown> {
  const members = membersOf('What SessionModule.forRootAsync() takes', given);
  const known = [...OF_NEST, ...extras];
  for (const name of Object.keys(members)) {
    if (known.includes(name)) continue;
    if (!OPTION_NAMES.includes(name)) throw unknownOption('SessionModule.forRootAsync()', name, known);
    throw new SessionConfigurationError(
      `SessionModule option "${name}" stands beside the factory, where it is not read. ` +
        `Fix: have the factory give it, as in forRootAsync({ useFactory: () => ({ ${name}: … }) }).`,
    );
  }
  assertOneWay(members);
  return members;
}

function assertOneWay(members: Record<string, unknown>): void {
  const ways = WAYS.filter((way) => (members[way] ?? null) !== null);
  const [way] = ways;
  if (way === undefined || ways.length > 1) {
    throw new SessionConfigurationError(
      `SessionModule.forRootAsync() needs one of ${WAYS.join(', ')}, but ${foundInstead(members, ways)}.`,
    );
  }
  if (way === 'useExisting' || typeof members[way] === 'function') return;
  throw new SessionConfigurationError(
    `SessionModule.forRootAsync() option "${way}" must be a ${way === 'useClass' ? 'class' : 'function'}, but was ` +
      `${kindOf(members[way])}. Fix: useFactory: () => ({ … }), or a class with createSessionOptions().`,
  );
}

function foundInstead(members: Record<string, unknown>, ways: readonly string[]): string {
  if (ways.length > 1) return `got ${ways.join(' and ')}. Fix: leave one of them alone`;
  const empty = WAYS.find((way) => way in members && members[way] === undefined);
  if (empty === undefined) return 'got none. Fix: give one, as useFactory: () => ({ … })';
  return `"${empty}" is undefined. ${CIRCULAR_IMPORT}`;
}

/**
 * What a factory has given: the options, whose members are checked later.
 *
 * @throws {SessionConfigurationError} for nothing at all, which would mean the defaults.
 */
export function madeOptions(given: unknown): SessionModuleOptions {
  if (typeof given === 'object' && given !== null) return given;
  throw new SessionConfigurationError(
    `The factory of SessionModule.forRootAsync() must give an object of options, but gave ${kindOf(given)}. Fix: return ` +
      'one, as in () => ({ … }) or () => { return { … }; }, and {} for the defaults.',
  );
}
