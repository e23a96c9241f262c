import { getMikroORMToken, MikroOrmModule } from '@mikro-orm/nestjs';
import { MikroORM } from '@mikro-orm/core';
import {
  type ClassProvider,
  ConfigurableModuleBuilder,
  type ConfigurableModuleAsyncOptions,
  type DynamicModule,
  type ExistingProvider,
  type FactoryProvider,
  Inject,
  Module,
  Optional,
  type OnModuleInit,
  type Provider,
  type Type,
  type ValueProvider,
} from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR, HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { assertNoContradictions } from './access/access-contradictions.js';
import { noteMethods } from './access/methods.js';
import { noteGuardedClasses } from './access/route-access.js';
import { asyncMembersOf, madeOptions } from './async-options.js';
import { announce } from './context/announcement.js';
import { equipGateways, GATEWAY_PROVIDERS } from './gateways.js';
import { DeputyGuard } from './deputy.guard.js';
import { SessionInterceptor } from './session.interceptor.js';
import { kindOf } from '../session/data/json.js';
import { SessionConfigurationError, SessionSetupError } from '../session.errors.js';
import {
  type ResolvedSessionOptions,
  resolveOptions,
  SESSION_OPTIONS,
  type SessionModuleOptions,
} from '../session.options.js';
import { INNERMOST_STORE } from './innermost-store.js';
import { membersOf, OPTIONS } from '../options/members.js';
import { OptionReader } from '../options/option-reader.js';
import { operatorLog } from './operator-log.js';
import { OperatorReports } from '../operator-reports.js';
import { SessionHealthIndicator } from './session-health.indicator.js';
import { SessionService } from './session.service.js';
import { SessionManager } from '../session-manager.js';
import { SessionSource } from './context/session-source.js';
import { CachingSessionStore } from '../store/caching.session-store.js';
import { withEncryption } from '../store/encrypting.session-store.js';
import { MikroOrmSessionStore } from '../store/postgres/mikro-orm.session-store.js';
import { sessionEntity } from '../store/postgres/session.entity.js';
import { SessionStore } from '../session-store.js';
import { inQuotes } from '../shown.js';

/** What must be known before anything is injected. */
export interface SessionModuleExtras {
  /** The `contextName` of the MikroORM connection that holds the sessions, where there are several. */
  readonly contextName?: string | undefined;
  /**
   * The name of the table, where `sessions` is another's. The configuration of MikroORM's command line lists
   * `sessionEntity({ tableName })` then. @default 'sessions'
   */
  readonly tableName?: string | undefined;
  /**
   * Where sessions live instead of in PostgreSQL: a class that extends {@link SessionStore}, which may inject
   * {@link SESSION_OPTIONS}, or how to provide one. MikroORM is then left alone.
   */
  readonly store?: Type<SessionStore> | StoreProvider | undefined;
  /**
   * Whether sessions are stored by a global interceptor, once the handler is done. With `false`, they are stored when the
   * response is about to be sent, as they are with an interceptor where a request never gets to it. (What loads them is a
   * global guard, either way.) That saves what Nest asks for the first interceptor of a route, which is as much as a session
   * costs; where the application has an interceptor for all routes anyway, it saves nothing. What differs: when storing
   * fails, the 401 or 503 does not pass through the application's exception filters, and of a handler that fails, only the
   * status of the response tells whether its changes are stored. Gateways, resolvers and `@Sse()` routes need
   * `@UseInterceptors(SessionInterceptor)`, or their streams go on for a user who has been signed out.
   *
   * @default true
   */
  readonly interceptor?: boolean | undefined;
}

const EXTRAS = ['contextName', 'tableName', 'store', 'interceptor'] satisfies (keyof SessionModuleExtras)[];

/** How to provide a store, as Nest's custom providers say it. */
export type StoreProvider =
  | Pick<ClassProvider<SessionStore>, 'useClass'>
  | Pick<ValueProvider<SessionStore>, 'useValue'>
  | Pick<ExistingProvider<SessionStore>, 'useExisting'>
  | Pick<FactoryProvider<SessionStore>, 'useFactory' | 'inject'>;

/** A class that makes the options, for `forRootAsync({ useClass })` and `forRootAsync({ useExisting })`. */
export interface SessionOptionsFactory {
  createSessionOptions(): SessionModuleOptions | Promise<SessionModuleOptions>;
}

/** What `SessionModule.forRootAsync()` takes. */
export type SessionModuleAsyncOptions = ConfigurableModuleAsyncOptions<SessionModuleOptions, 'createSessionOptions'> &
  SessionModuleExtras;

/**
 * What must be known before anything is injected, of all that was given.
 *
 * @throws {SessionConfigurationError} for what is of another type.
 */
function checked({ contextName, tableName, store, interceptor }: SessionModuleExtras): SessionModuleExtras {
  const extras = { contextName, tableName, interceptor };
  const reader = new OptionReader('', extras, Object.keys(extras));
  return {
    contextName: reader.text('contextName', undefined, /^/, 'the name of a connection of MikroORM'),
    // Where there is a table, its entity says more.
    tableName: store === undefined ? tableName : reader.text('tableName', undefined, /^/, 'the name of a table'),
    store,
    interceptor: reader.boolean('interceptor', true),
  };
}

/** The token of the options as they were given. */
const GIVEN_OPTIONS = Symbol('SESSION_MODULE_OPTIONS');

const { ConfigurableModuleClass } = new ConfigurableModuleBuilder<SessionModuleOptions>({
  optionsInjectionToken: GIVEN_OPTIONS,
})
  .setClassMethodName('forRoot')
  .setFactoryMethodName('createSessionOptions')
  .setExtras<SessionModuleExtras>(
    { contextName: undefined, tableName: undefined, store: undefined, interceptor: true },
    (definition, extras) => {
      const { contextName, tableName, store, interceptor } = checked(extras);
      // Called for what it tells `autoLoadEntities`. The repository that it would provide has no user here, and without
      // MikroOrmModule, Nest would miss that first.
      if (store === undefined) MikroOrmModule.forFeature([sessionEntity({ tableName })], contextName);
      return {
        ...definition,
        global: true,
        imports: definition.imports ?? [],
        providers: [
          ...(definition.providers ?? []),
          {
            provide: SESSION_OPTIONS,
            useFactory: (given: unknown) =>
              resolveOptions(madeOptions(given), { contextName, tableName, store, interceptor }),
            inject: [GIVEN_OPTIONS],
          },
          {
            provide: INNERMOST_STORE,
            ...(store === undefined ? inPostgres(contextName, tableName) : given(store)),
          } as Provider,
          { provide: OperatorReports, useFactory: () => new OperatorReports(operatorLog) },
          { provide: SessionStore, useFactory: wrapped, inject: [INNERMOST_STORE, SESSION_OPTIONS, OperatorReports] },
          {
            provide: SessionManager,
            useFactory: (store: SessionStore, options: ResolvedSessionOptions, reports: OperatorReports) =>
              new SessionManager(store, options, reports),
            inject: [SessionStore, SESSION_OPTIONS, OperatorReports],
          },
          SessionSource,
          SessionService,
          SessionHealthIndicator,
          DeputyGuard,
          { provide: APP_GUARD, useExisting: DeputyGuard },
          ...GATEWAY_PROVIDERS,
          ...(interceptor ? [SessionInterceptor, { provide: APP_INTERCEPTOR, useExisting: SessionInterceptor }] : []),
        ],
        exports: [
          SessionService,
          SessionHealthIndicator,
          SessionSource,
          SessionStore,
          // For gateways, in whose modules Nest looks for what they run.
          DeputyGuard,
          ...(interceptor ? [SessionInterceptor] : []),
        ],
      };
    },
  )
  .build();

function inPostgres(contextName: string | undefined, tableName: string | undefined): StoreProvider {
  return {
    useFactory: (orm: MikroORM | undefined, options: ResolvedSessionOptions) => {
      if (orm === undefined) throw new SessionSetupError(noMikroOrm(contextName));
      const { cache, adopt } = options;
      const oldTable = adopt?.table ?? null;
      return new MikroOrmSessionStore(orm, { ...options, tableName, oldTable, invalidation: cache !== null });
    },
    inject: [
      { token: contextName === undefined ? MikroORM : getMikroORMToken(contextName), optional: true },
      SESSION_OPTIONS,
    ],
  };
}

function noMikroOrm(contextName: string | undefined): string {
  if (contextName !== undefined) {
    return (
      `SessionModule finds no MikroORM connection of the "contextName" ${inQuotes(contextName)}. Import ` +
      'MikroOrmModule.forRoot() with that "contextName", or correct it.'
    );
  }
  return (
    'SessionModule finds no MikroORM. Import MikroOrmModule.forRoot() in the root module as well (where its connection has ' +
    'a "contextName", give SessionModule the same), or give SessionModule a "store" of another kind.'
  );
}

/** The cache outside: it keeps what was decrypted, once. */
function wrapped(store: SessionStore, options: ResolvedSessionOptions, reports: OperatorReports): SessionStore {
  if (!isStore(store)) {
    throw new SessionConfigurationError(
      `SessionModule option "store" must be ${STORE_HINT}, but what it gave was ${kindOf(store)}.`,
    );
  }
  const readable = withEncryption(store, options, (id, what) => reports.undecipherable(id, what));
  return options.cache === null ? readable : new CachingSessionStore(readable, options.cache);
}

function isStore(value: unknown): value is SessionStore {
  try {
    return value instanceof SessionStore;
  } catch {
    // A proxy that throws.
    return false;
  }
}

const STORE_HINT =
  'a class that extends SessionStore, or how to provide one: { useClass }, { useValue }, { useFactory, inject } or { useExisting }';

/** @throws {SessionConfigurationError} for what is neither a class nor a provider, such as a store of express-session. */
function given(store: Type<SessionStore> | StoreProvider): StoreProvider {
  // A function without a prototype, such as an arrow function, is no class.
  if (typeof store === 'function' && (store.prototype as unknown) !== undefined) return { useClass: store };
  try {
    const ways = ['useClass', 'useValue', 'useFactory', 'useExisting'];
    if (typeof store === 'object' && store !== null && ways.some((key) => key in store)) return store;
  } catch {
    // A proxy that throws.
  }
  const fix = isStore(store) ? ' Fix: { useValue: … } around it.' : '';
  throw new SessionConfigurationError(
    `SessionModule option "store" must be ${STORE_HINT}, but was ${kindOf(store)}.${fix}`,
  );
}

/**
 * Server-side sessions for the whole application. Import it once, in the root module, beside `MikroOrmModule`.
 *
 * @throws {SessionConfigurationError} at start, for a wrong option, for a second registration, or for a class or handler that is `@Public()` and has requirements as well.
 * @throws {SessionSetupError} at start, when the entity is not registered, or the table is missing or not fit for sessions.
 */
@Module({})
export class SessionModule extends ConfigurableModuleClass implements OnModuleInit {
  readonly #modules: ModulesContainer;
  readonly #source: SessionSource;
  readonly #http: HttpAdapterHost;

  constructor(
    @Optional() @Inject(SESSION_OPTIONS) options: ResolvedSessionOptions | undefined,
    @Inject(ModulesContainer) modules: ModulesContainer,
    @Optional() @Inject(SessionSource) source: SessionSource | undefined,
    @Inject(HttpAdapterHost) http: HttpAdapterHost,
  ) {
    super();
    if (options === undefined || source === undefined) {
      throw new SessionConfigurationError(
        'SessionModule is imported without options, as in "imports: [SessionModule]". Write SessionModule.forRoot() in the ' +
          'root module; it is global, so remove it from all others.',
      );
    }
    if ([...modules.values()].filter(({ metatype }) => metatype === SessionModule).length > 1) {
      throw new SessionConfigurationError(
        'SessionModule is registered twice, and each registration would have a SessionService, a cache and events of its own. ' +
          'Call SessionModule.forRoot() once, in the root module, and remove it from all others: it is global.',
      );
    }
    this.#source = source;
    this.#http = http;
    this.#modules = modules;
    // Before routes are made of methods.
    noteMethods(modules);
    noteGuardedClasses(modules);
    // Before Nest looks at the gateways.
    equipGateways(modules, SessionModule);
  }

  /** Registers sessions with the default of every option. */
  static override forRoot(): DynamicModule;
  /**
   * Registers sessions; everything has a default.
   *
   * @throws {SessionConfigurationError} for what is no plain object, as where a circular import leaves it undefined.
   */
  static override forRoot(options: SessionModuleOptions & SessionModuleExtras): DynamicModule;
  static override forRoot(...given: readonly unknown[]): DynamicModule {
    return super.forRoot(given.length === 0 ? {} : membersOf(OPTIONS, given[0]));
  }

  /**
   * Registers sessions with options that are made by a factory or a class, once others are there to be injected.
   *
   * @throws {SessionConfigurationError} for an option that the factory is to give, for one that there is not, and unless there
   *   is one of `useFactory`, `useClass` and `useExisting`; at start, where that gives no object, as without `return`.
   */
  static override forRootAsync(options: SessionModuleAsyncOptions): DynamicModule {
    return super.forRootAsync(asyncMembersOf(options, EXTRAS));
  }

  /** @internal */
  onModuleInit(): void {
    const application = this.#http.httpAdapter?.getInstance<object | undefined>();
    if (application !== undefined) announce(this.#source, application);
    // Anew: now all instances are there.
    noteMethods(this.#modules);
    assertNoContradictions(this.#modules);
  }
}
