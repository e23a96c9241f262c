import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { MikroOrmModule } from '@mikro-orm/nestjs';
import { defineEntity, type Options, p, PostgreSqlDriver } from '@mikro-orm/postgresql';
import { type DynamicModule, Inject, Injectable, Module, type ModuleMetadata, type Type } from '@nestjs/common';
import { LazyModuleLoader } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import {
  MemorySessionStore,
  type Session,
  SessionConfigurationError,
  SessionEntity,
  SessionModule,
  type SessionModuleOptions,
  type SessionOptionsFactory,
  SessionService,
} from 'nestjs-mikro-session';
import { type ResolvedSessionOptions, SESSION_OPTIONS, SessionStore } from 'nestjs-mikro-session/store';
import { databaseModule, startApp } from '../support/app.js';
import { createDatabase, type TestDatabase } from '../support/database.js';
import { inHandler, visit } from '../support/probe.js';

@Injectable()
class Settings {
  readonly cookieName = 'from_settings';
}

@Module({ providers: [Settings], exports: [Settings] })
class SettingsModule {}

@Injectable()
class OptionsMaker implements SessionOptionsFactory {
  constructor(@Inject(Settings) private readonly settings: Settings) {}
  async createSessionOptions(): Promise<SessionModuleOptions> {
    return { ensureSchema: true, cookie: { name: this.settings.cookieName } };
  }
}

@Module({ imports: [SettingsModule], providers: [OptionsMaker], exports: [OptionsMaker] })
class OptionsMakerModule {}

/** Imports sessions once more. */
class Feature {}

describe('SessionModule', () => {
  let database: TestDatabase;
  const opened: { close(): Promise<void> }[] = [];
  beforeAll(async () => {
    database = await createDatabase();
  });
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.close();
  });
  afterAll(() => database.drop());

  const start = async (session: DynamicModule) => {
    const app = await startApp(database, { session });
    opened.push(app);
    return app;
  };
  const cookieOf = async (session: DynamicModule) => {
    const reply = await visit((await start(session)).client(), (one) => one.set('a', 1));
    return reply.setCookies[0]?.split('=')[0];
  };

  it('works without any options', async () => {
    await start(SessionModule.forRoot({ ensureSchema: true }));
    expect(await cookieOf(SessionModule.forRoot())).toBe('session_id');
  });

  it('takes options', async () => {
    expect(await cookieOf(SessionModule.forRoot({ cookie: { name: 'sid' } }))).toBe('sid');
  });

  it.each([
    [
      'useFactory',
      () =>
        SessionModule.forRootAsync({
          imports: [SettingsModule],
          inject: [Settings],
          useFactory: async (settings: Settings) => ({ cookie: { name: settings.cookieName } }),
        }),
    ],
    ['useClass', () => SessionModule.forRootAsync({ imports: [SettingsModule], useClass: OptionsMaker })],
    ['useExisting', () => SessionModule.forRootAsync({ imports: [OptionsMakerModule], useExisting: OptionsMaker })],
  ])('takes options that are made with %s', async (_how, make) => {
    expect(await cookieOf(make())).toBe('from_settings');
  });

  it('is global: a module that does not import it can inject the service', async () => {
    @Injectable()
    class Statistics {
      constructor(@Inject(SessionService) readonly sessions: SessionService) {}
    }
    @Module({ providers: [Statistics], exports: [Statistics] })
    class StatisticsModule {}
    const module = await Test.createTestingModule({
      imports: [databaseModule(database.url), StatisticsModule, SessionModule.forRoot()],
    }).compile();
    const app = module.createNestApplication({ logger: false });
    opened.push(app);
    await app.init();
    expect(await app.get(Statistics).sessions.count()).toEqual(expect.any(Number));
  });

  const register = (...modules: (DynamicModule | Type)[]) => {
    const module = Test.createTestingModule({ imports: [databaseModule(database.url), ...modules] });
    return module.compile().then(async (compiled) => {
      const app = compiled.createNestApplication({ logger: false });
      opened.push(app);
      await app.init();
      return app;
    });
  };

  const twice = expect.objectContaining({
    name: 'SessionConfigurationError',
    message: expect.stringMatching(/registered twice.*Call SessionModule\.forRoot\(\) once, in the root module/),
  });

  it.each<[string, () => DynamicModule]>([
    ['with other options', () => SessionModule.forRoot({ idleTimeout: '1h' })],
    ['with the same options', () => SessionModule.forRoot()],
    ['by a factory', () => SessionModule.forRootAsync({ useFactory: () => ({}) })],
  ])('refuses to be registered again %s: each has a service, a cache and events of its own', async (_, again) => {
    const error = await register(SessionModule.forRoot(), { module: Feature, imports: [again()] }).catch(
      (reason: unknown) => reason,
    );
    expect(error).toEqual(twice);
  });

  it('refuses to be registered again by a module that is loaded lazily', async () => {
    const app = await register(SessionModule.forRoot());
    const lazy = { module: Feature, imports: [SessionModule.forRoot()] };
    await expect(app.get(LazyModuleLoader).load(() => lazy)).rejects.toEqual(twice);
  });

  it('may be imported by several modules as one registration', async () => {
    const sessions = SessionModule.forRoot();
    const app = await register(sessions, { module: Feature, imports: [sessions] });
    expect(await app.get(SessionService, { strict: false }).count()).toEqual(expect.any(Number));
  });

  it('refuses a wrong option at start, naming it, its value and the fix', async () => {
    const error = await register(SessionModule.forRoot({ idleTimeout: 'soon' as never })).catch(
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(SessionConfigurationError);
    expect((error as Error).message).toMatch(/"idleTimeout" must be .*'30s'.* but was "soon"\. Fix/);
  });

  it('leaves the caller’s own options object as it was', async () => {
    const options = Object.freeze({ cookie: Object.freeze({ name: 'mine' }) });
    expect(await cookieOf(SessionModule.forRoot(options))).toBe('mine');
    expect(options).toEqual({ cookie: { name: 'mine' } });
  });

  it('finds the connection that contextName names', async () => {
    const other = await createDatabase();
    const named = (contextName: string, url: string, entities: Options['entities']) =>
      MikroOrmModule.forRoot({
        contextName,
        driver: PostgreSqlDriver,
        clientUrl: url,
        entities,
        registerRequestContext: false,
        pool: { min: 0, max: 2 },
      } as Options);
    const module = await Test.createTestingModule({
      imports: [
        named('main', database.url, [defineEntity({ name: 'Note', properties: { id: p.integer().primary() } })]),
        named('web', other.url, [SessionEntity]),
        SessionModule.forRoot({ contextName: 'web', ensureSchema: true }),
      ],
    }).compile();
    const app = module.createNestApplication({ logger: false });
    await app.init();
    await app.get(SessionService).create({});
    expect(await other.query('select from sessions')).toHaveLength(1);
    await app.close();
    await other.drop();
  });

  it('lets applications on one database see each other’s sessions', async () => {
    const [one, two] = [await start(SessionModule.forRoot()), await start(SessionModule.forRoot())];
    const client = one.client();
    await visit(client, (session: Session) => session.set('a', 1));
    const cookie = await client.cookie();
    expect(await inHandler(two.client(), (session) => session.get('a'), { cookie })).toBe(1);
    await visit(two.client(), (session) => session.set('b', 2), { cookie });
    expect(await inHandler(client, (session) => session.toJSON())).toEqual({ a: 1, b: 2 });
  });

  describe.each([
    ['a class', () => SessionModule.forRoot({ store: MemorySessionStore })],
    [
      'a value',
      () =>
        SessionModule.forRoot({
          store: { useValue: new MemorySessionStore({ maxDataBytes: 1_000 }) },
        }),
    ],
    [
      'a factory',
      () =>
        SessionModule.forRoot({
          store: {
            useFactory: (options: ResolvedSessionOptions) => new MemorySessionStore(options),
            inject: [SESSION_OPTIONS],
          },
        }),
    ],
    [
      'a class, with options made by a factory',
      () => SessionModule.forRootAsync({ store: MemorySessionStore, useFactory: () => ({}) }),
    ],
  ])('with a store given as %s', (_how, make) => {
    it('needs no database', async () => {
      const app = await startApp(null, { session: make() });
      opened.push(app);
      const client = app.client();
      await visit(client, (session) => session.set('a', 1).login('ada'));
      expect(await inHandler(client, (session) => [session.userId, session.get('a')])).toEqual(['ada', 1]);
      expect(app.app.get(SessionStore).description).toBe('MemorySessionStore');
    });
  });
});

describe('SessionModule with a store that is none', () => {
  const UNREADABLE = Proxy.revocable({}, {});
  UNREADABLE.revoke();

  it.each<[string, unknown]>([
    ['a Map', new Map()],
    ['a string', 'redis'],
    ['null', null],
    ['a function', () => new MemorySessionStore({ maxDataBytes: 1_000 })],
    ['an object that cannot be looked at', UNREADABLE.proxy],
    ['a MemorySessionStore. Fix: { useValue: … } around it', new MemorySessionStore({ maxDataBytes: 1_000 })],
  ])('says what it takes instead of %s', (found, store) => {
    expect(() => SessionModule.forRoot({ store: store as never })).toThrow(SessionConfigurationError);
    expect(() => SessionModule.forRoot({ store: store as never })).toThrow(
      `"store" must be a class that extends SessionStore`,
    );
    expect(() => SessionModule.forRoot({ store: store as never })).toThrow(`but was ${found}.`);
  });

  it.each<[string, unknown]>([
    ['useValue', { useValue: new Map() }],
    ['useFactory', { useFactory: () => null }],
    ['useClass', Map],
  ])('says at start what a provider gave instead of a store: %s', async (_how, store) => {
    const starting = Test.createTestingModule({
      imports: [SessionModule.forRoot({ store: store as never })],
    }).compile();
    await expect(starting).rejects.toThrow(/"store" must be .*, but what it gave was (a Map|null)\./);
  });
});

describe('SessionModule.forRoot() with options that are none', () => {
  it.each<[string, unknown, string]>([
    ['null', null, 'The options of SessionModule must be an object, but was null.'],
    ['a text', 'x', 'The options of SessionModule must be an object, but was a string.'],
    ['a member called __proto__', JSON.parse('{"__proto__": {}}'), 'cannot have a member "__proto__"'],
    [
      'a contextName that is a number',
      { contextName: 5 },
      '"contextName" must be the name of a connection of MikroORM',
    ],
    ['an interceptor that is a text', { interceptor: 'no' }, '"interceptor" must be one of true, false, but was "no".'],
  ])('says what is wrong with %s', (_what, options, problem) => {
    expect(() => SessionModule.forRoot(options as never)).toThrow(SessionConfigurationError);
    expect(() => SessionModule.forRoot(options as never)).toThrow(problem);
  });
});

describe('SessionModule in a set-up that cannot work', () => {
  const compile = (...imports: NonNullable<ModuleMetadata['imports']>) =>
    Test.createTestingModule({ imports })
      .compile()
      .then((module) => module.init());

  @Module({ imports: [SessionModule] })
  class FeatureModule {}

  it('says where it is imported without options', async () => {
    await expect(compile(FeatureModule)).rejects.toThrow(
      /^SessionModule is imported without options, .* SessionModule\.forRoot\(\) in the root module/,
    );
  });

  it.each([
    ['forRoot()', () => SessionModule.forRoot()],
    ['forRootAsync()', () => SessionModule.forRootAsync({ useFactory: () => ({}) })],
    ['forRoot(), with the cache', () => SessionModule.forRoot({ cache: true })],
  ])('says that MikroOrmModule is missing: %s', async (_how, session) => {
    await expect(compile(session())).rejects.toThrow(
      /^SessionModule finds no MikroORM\. Import MikroOrmModule\.forRoot\(\)/,
    );
  });

  it('says that there is no connection of its name', async () => {
    await expect(compile(SessionModule.forRoot({ contextName: 'accounts' }))).rejects.toThrow(
      'SessionModule finds no MikroORM connection of the "contextName" "accounts".',
    );
  });
});
