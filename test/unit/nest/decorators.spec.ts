import { describe, expect, it } from '@jest/globals';
import type { PipeTransform } from '@nestjs/common';
import {
  Authorize,
  OnStoreError,
  Public,
  Session,
  SessionConfigurationError,
  SessionRenewal,
  SkipSession,
} from 'nestjs-mikro-session';
import { errorOf } from '../../support/error-of.js';

/** What a constant is while its file and this one import each other. */
const NOT_YET = undefined as never;
/** As JavaScript has them, which checks no types. */
const js = { Authorize, OnStoreError, Public, Session, SessionRenewal, SkipSession } as unknown as Record<
  string,
  (...given: unknown[]) => MethodDecorator & ClassDecorator
>;
const problemOf = (action: () => unknown): string => errorOf(SessionConfigurationError, action).message;

describe('@Authorize(), when the class is defined,', () => {
  it.each<[string, object]>([
    ['roles', { roles: NOT_YET }],
    ['within', { within: NOT_YET }],
    ['permissions', { roles: ['admin'], permissions: NOT_YET }],
  ])('refuses %s that are there, but undefined, as by a circular import', (name, options) => {
    expect(problemOf(() => Authorize(options))).toBe(
      `@Authorize({ ${name} }) is there, but undefined. So is a constant as long as its file and this one import each ` +
        `other (a circular import). Fix: move the constant into a file of its own, or leave "${name}" out.`,
    );
  });

  it('refuses options that are undefined as a whole', () => {
    expect(problemOf(() => Authorize(NOT_YET))).toMatch(
      /^The options of @Authorize\(\) must be an object, but was undefined\. .*circular import.* file of its own/,
    );
  });

  it.each<[string, object]>([
    ['role', { role: ['admin'], within: '10m' }],
    ['withIn', { withIn: '10m' }],
  ])('refuses options that it does not know: %s', (name, options) => {
    expect(problemOf(() => Authorize(options))).toBe(
      `@Authorize() has no option "${name}". Fix: remove it, or use one of roles, permissions, within.`,
    );
  });

  it('refuses a member that would become the prototype', () => {
    const options = JSON.parse('{"__proto__": {"roles": ["admin"]}}') as object;
    expect(problemOf(() => Authorize(options))).toBe(
      'The options of @Authorize() cannot have a member "__proto__". Fix: remove it.',
    );
  });

  it.each<[string, unknown]>([
    ['a string', 'admin'],
    ['an array', ['admin']],
    ['null', null],
    ['a number', 10],
    ['a Map', new Map([['roles', ['admin']]])],
    ['an object', Object.create({ roles: ['admin'] })],
    ['a function', () => ({ roles: ['admin'] })],
  ])('refuses %s in place of options', (kind, value) => {
    expect(problemOf(() => js['Authorize']?.(value))).toBe(
      `The options of @Authorize() must be an object, but was ${kind}. Fix: pass { … }.`,
    );
  });

  it('refuses several arguments, of which one alone would count', () => {
    for (const given of [
      ['admin', 'editor'],
      [{ roles: ['admin'] }, { within: '10m' }],
      [{}, 'roles', ['admin']],
      [{ roles: ['admin'] }, undefined],
    ]) {
      expect(problemOf(() => js['Authorize']?.(...given))).toBe(
        `@Authorize() takes one object of options, but got ${given.length} arguments. Fix: name all of it in one.`,
      );
    }
  });

  it('takes no options, or what is spread into them under a condition', () => {
    const within = (given: string | undefined) => ({ roles: ['admin'], ...(given !== undefined && { within: given }) });
    for (const options of [{}, within(undefined), within('10m'), Object.freeze({ permissions: ['a.*'] as const })]) {
      expect(Authorize(options)).toBeInstanceOf(Function);
    }
    expect(Authorize()).toBeInstanceOf(Function);
    expect(Authorize(Object.assign(Object.create(null) as object, { roles: ['admin'] }))).toBeInstanceOf(Function);
  });
});

describe('A decorator without its parentheses, when the class is defined,', () => {
  it.each([
    ['Authorize', '@Authorize()'],
    ['Public', '@Public()'],
    ['SkipSession', '@SkipSession()'],
    ['SessionRenewal', '@SessionRenewal(false)'],
    ['OnStoreError', "@OnStoreError('anonymous')"],
  ])('is refused: @%s', (name, written) => {
    const decorator = js[name] as unknown as ClassDecorator & MethodDecorator;
    const said = `@${name} stands without its parentheses, so it decorates nothing. Fix: write ${written}.`;
    const onMethod = (): unknown => {
      class Routes {
        @decorator route(): void {}
      }
      return Routes;
    };
    const onStatic = (): unknown => {
      class Routes {
        @decorator static route(): void {}
      }
      return Routes;
    };
    const onClass = (): unknown => {
      @decorator
      class Routes {}
      return Routes;
    };
    for (const define of [onMethod, onStatic, onClass]) expect(problemOf(define)).toBe(said);
    // As ECMAScript's own decorators are called.
    expect(problemOf(() => js[name]?.(() => {}, { kind: 'method', name: 'route' }))).toBe(said);
  });

  it('is refused on a parameter: @Session', () => {
    const decorator = Session as unknown as ParameterDecorator;
    const define = (): unknown => {
      class Routes {
        route(@decorator session: unknown): unknown {
          return session;
        }
      }
      return Routes;
    };
    expect(problemOf(define)).toBe(
      '@Session stands without its parentheses, so it decorates nothing. Fix: write @Session().',
    );
  });
});

describe('A decorator that says something else than was meant, when the class is defined,', () => {
  it.each(['Public', 'SkipSession'])('is refused: @%s() with an argument, though it be false', (name) => {
    for (const value of [false, undefined, {}]) {
      expect(problemOf(() => js[name]?.(value))).toBe(
        `@${name}() takes no arguments. Fix: write @${name}(), or leave it out where it is not meant.`,
      );
    }
  });

  it.each<[string, unknown[]]>([
    ['undefined', [NOT_YET]],
    ['undefined', []],
    ['"false"', ['false']],
    ['an object', [{ renews: false }]],
  ])('is refused: @SessionRenewal() with what is neither true nor false: %s', (kind, given) => {
    expect(problemOf(() => js['SessionRenewal']?.(...given))).toContain(
      `@SessionRenewal() takes true or false, but got ${kind}.`,
    );
  });

  it.each<[string, unknown[]]>([
    ['a path', [NOT_YET]],
    ['a pipe', ['userId', NOT_YET]],
    ['a pipe before another', [NOT_YET, { transform: (value: unknown) => value } satisfies PipeTransform]],
  ])('is refused: @Session() with %s that is undefined', (_what, given) => {
    expect(problemOf(() => js['Session']?.(...given))).toMatch(
      /^@Session\(\) was given undefined\. .*circular import.* file of its own/,
    );
  });

  it('says of a circular import where a policy is undefined', () => {
    for (const name of ['OnStoreError', 'SessionRenewal']) {
      expect(problemOf(() => js[name]?.(NOT_YET))).toMatch(/but got undefined\. .*circular import.* file of its own/);
    }
  });
});
