import { describe, expect, it } from '@jest/globals';
import { Injectable, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  MemorySessionStore,
  SessionConfigurationError,
  SessionModule,
  type SessionModuleAsyncOptions,
  type SessionModuleOptions,
} from 'nestjs-mikro-session';
import { type ResolvedSessionOptions, SESSION_OPTIONS } from 'nestjs-mikro-session/store';
import { errorOf } from '../support/error-of.js';

/** What a constant is while its file and this one import each other. */
const NOT_YET = undefined as never;
const useFactory = (): SessionModuleOptions => ({});
const problemOf = (options: unknown): string =>
  errorOf(SessionConfigurationError, () => SessionModule.forRootAsync(options as SessionModuleAsyncOptions)).message;

/** The options that apply. */
async function started(options: SessionModuleAsyncOptions): Promise<ResolvedSessionOptions> {
  const session = SessionModule.forRootAsync({ store: MemorySessionStore, ...options });
  const module = await Test.createTestingModule({ imports: [session] }).compile();
  await module.close();
  return module.get<ResolvedSessionOptions>(SESSION_OPTIONS);
}

describe('SessionModule.forRootAsync()', () => {
  it.each<[string, object]>([
    ['originCheck', { originCheck: true }],
    ['encryption', { encryption: { keys: [] } }],
    ['maxSessionsPerUser', { maxSessionsPerUser: undefined }],
  ])('refuses an option that the factory is to give: %s', (name, misplaced) => {
    expect(problemOf({ useFactory, store: MemorySessionStore, ...misplaced })).toBe(
      `SessionModule option "${name}" stands beside the factory, where it is not read. ` +
        `Fix: have the factory give it, as in forRootAsync({ useFactory: () => ({ ${name}: … }) }).`,
    );
  });

  it.each(['tablename', 'isGlobal', 'useValue'])('refuses what is no option at all: %s', (name) => {
    expect(problemOf({ useFactory, [name]: true })).toBe(
      `SessionModule.forRootAsync() has no option "${name}". Fix: remove it, or use one of imports, inject, ` +
        'provideInjectionTokensFrom, useFactory, useClass, useExisting, contextName, tableName, store, interceptor.',
    );
  });

  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['null', null],
    ['a function', useFactory],
    ['an array', [useFactory]],
  ])('refuses %s in place of its options', (kind, options) => {
    expect(problemOf(options)).toMatch(
      new RegExp(`^What SessionModule\\.forRootAsync\\(\\) takes must be an object, but was ${kind}\\. .*Fix: `),
    );
  });

  it('says what it needs where nothing makes the options, and where two things do', () => {
    const needs = 'SessionModule.forRootAsync() needs one of useFactory, useClass, useExisting, but got ';
    class Maker {
      createSessionOptions = useFactory;
    }
    expect(problemOf({ store: MemorySessionStore })).toBe(`${needs}none. Fix: give one, as useFactory: () => ({ … }).`);
    expect(problemOf({ useFactory, useClass: Maker })).toBe(
      `${needs}useFactory and useClass. Fix: leave one of them alone.`,
    );
    expect(problemOf({ useExisting: Maker, useClass: Maker })).toContain('but got useClass and useExisting.');
  });

  it.each(['useFactory', 'useClass', 'useExisting'])('says of a circular import where %s is undefined', (way) => {
    expect(problemOf({ [way]: NOT_YET })).toMatch(
      new RegExp(`needs one of .*, but "${way}" is undefined\\. .*circular import.* file of its own`),
    );
  });

  it.each([
    ['useFactory', { originCheck: true }],
    ['useClass', 'Maker'],
  ])('refuses a %s that cannot be called', (way, value) => {
    expect(problemOf({ [way]: value })).toMatch(new RegExp(`"${way}" must be a (function|class), but was a`));
  });

  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['null', null],
    ['a string', 'originCheck'],
    ['a boolean', true],
  ])('refuses at start a factory, or a class, that gives %s', async (kind, given) => {
    @Injectable()
    class Maker {
      async createSessionOptions(): Promise<never> {
        return given as never;
      }
    }
    @Module({ providers: [Maker], exports: [Maker] })
    class MakerModule {}
    for (const options of [
      { useFactory: () => given as never },
      { useFactory: async () => given as never },
      { useClass: Maker },
      { imports: [MakerModule], useExisting: Maker },
    ]) {
      const error = await started(options).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(SessionConfigurationError);
      expect((error as Error).message).toBe(
        `The factory of SessionModule.forRootAsync() must give an object of options, but gave ${kind}. Fix: return one, ` +
          'as in () => ({ … }) or () => { return { … }; }, and {} for the defaults.',
      );
    }
  });

  it('says where an option belongs that the factory gives, but that is read before', async () => {
    await expect(started({ useFactory: () => ({ interceptor: false }) as never })).rejects.toThrow(
      'SessionModule option "interceptor" must be known before the factory is called, and is not read from what it gives. ' +
        'Fix: move it beside the factory, as in forRootAsync({ interceptor, useFactory }).',
    );
  });

  it('takes everything that Nest and this module know, and leaves what it was given as it was', async () => {
    @Injectable()
    class Settings {
      readonly idleTimeout = '45m';
    }
    @Module({ providers: [Settings], exports: [Settings] })
    class SettingsModule {}
    const options: SessionModuleAsyncOptions = Object.freeze({
      imports: [SettingsModule],
      inject: [Settings],
      provideInjectionTokensFrom: [],
      useFactory: ({ idleTimeout }: Settings) => ({ idleTimeout }),
      contextName: undefined,
      tableName: undefined,
      store: MemorySessionStore,
      interceptor: false,
    });
    expect((await started(options)).lifetime.ttl).toBe(45 * 60_000);
    expect((await started({ useFactory })).lifetime.ttl).toBe(30 * 60_000);
  });
});

describe('SessionModule.forRoot()', () => {
  it('refuses options that are undefined, as by a circular import, and takes none', () => {
    expect(errorOf(SessionConfigurationError, () => SessionModule.forRoot(NOT_YET)).message).toMatch(
      /^The options of SessionModule must be an object, but was undefined\. .*circular import.* file of its own/,
    );
    expect(SessionModule.forRoot().module).toBe(SessionModule);
  });
});
