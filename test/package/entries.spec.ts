import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import ts from 'typescript';

const DIST = join(import.meta.dirname, '../../dist');

/** The names that a published entry exports, types included. */
function exportsOf(entry: string): string[] {
  const file = join(DIST, entry, 'index.d.ts');
  const program = ts.createProgram([file], {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    skipLibCheck: true,
    noEmit: true,
    types: [],
  });
  const checker = program.getTypeChecker();
  const module = checker.getSymbolAtLocation(program.getSourceFile(file) as ts.SourceFile);
  if (module === undefined) throw new Error(`${file} is no module.`);
  return checker
    .getExportsOfModule(module)
    .map(({ name }) => name)
    .sort();
}

const ROOT = `
  AdoptedSession AdoptionProgress AdoptionStats AllowsOrigin AuthSnapshot Authorize AuthorizeOptions Avatar Duration EncryptionKey
  ExpressSession ExpressSessionCookie FlashMessage HistogramStats LiveSessionData LoginOptions MemorySessionStore NewSessionContent
  OldCookieOptions OldSession OldSessionSource OnStoreError OnStoreErrorPolicy OriginRequest Public QueueStats Session
  SessionAdoptionOptions SessionArgumentError SessionCacheSettings SessionCallback SessionChangeEvent SessionConfigurationError
  SessionCookieOptions SessionData SessionDataError SessionDevice SessionEncryptionOptions SessionEntity SessionError SessionErrorCode
  SessionEvent SessionEventType SessionGoneError SessionGuard SessionHeaderOptions SessionHeadersSentError SessionHealth
  SessionHealthIndicator SessionHealthOptions SessionId SessionInterceptor SessionKey SessionMembers SessionMiddleware
  SessionMiddlewareFunction SessionMigration SessionModule SessionModuleAsyncOptions SessionModuleExtras SessionModuleOptions
  SessionOptionsFactory SessionOriginCheckOptions SessionOriginError SessionPath SessionRejectedEvent SessionRenewal SessionRenewalOptions
  SessionService SessionSetupError SessionStats SessionStoreUnavailableError SessionSweepOptions SessionValue SkipSession StatementStats
  StoreProvider ToSession TokenRejection passportSession rememberHandshakes sessionEntity sessionMiddleware`;

const STORE = `
  Access CommittedTimes DataChanges FoundValues Lifetime
  LifetimeChange ListedSession Login MemorySessionStore MikroOrmSessionStore MikroOrmSessionStoreOptions NewSession OldPage OldRow OldSessions
  ResolvedSessionOptions Rotation RotationOutcome SESSION_OPTIONS SessionChanges
  SessionId SessionSecrets SessionStore StoreListener StoredSession`;

const TESTING = `
  HeldByClient StoreExpectation TestApplication TestCookie TestSession TestSessionContent TestSessionStore
  advanceSessionClock createTestSession expectFlash expectSignedIn expectSignedOut readSession sessionStoreContract`;

it.each([
  ['.', ROOT],
  ['store', STORE],
  ['express', ''],
  ['opentelemetry', 'SessionInstrumentationOptions instrumentSessions'],
  ['redis', 'RedisModuleOptions RedisSessionStore RedisSessionStoreOptions redisSessionStore'],
  ['testing', TESTING],
])('the entry "%s" exports these names and no others', (entry, names) => {
  expect(exportsOf(entry)).toEqual(names.split(/\s+/).filter(Boolean));
});
