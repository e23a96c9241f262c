// What an application that declares no data sees. Compiled by `npm run types`, never run.
import type { ArgumentsHost, DynamicModule } from '@nestjs/common';
import {
  Authorize,
  type LiveSessionData,
  type Session,
  SessionModule,
  type SessionModuleAsyncOptions,
  type SessionModuleOptions,
  type SessionPath,
  type SessionService,
} from 'nestjs-mikro-session';
import { MemorySessionStore, type SessionStore } from 'nestjs-mikro-session/store';
import { createTestSession, readSession, type TestCookie, type TestSession } from 'nestjs-mikro-session/testing';
import { expectTypeOf } from 'expect-type';

declare const session: Session;
declare const service: SessionService;
declare const host: ArgumentsHost;

expectTypeOf<SessionPath>().toEqualTypeOf<string>();
// oxlint-disable-next-line typescript/no-explicit-any -- what is not declared cannot be typed
expectTypeOf<LiveSessionData>().toEqualTypeOf<Record<string, any>>();
expectTypeOf(session.get('any.path')).toEqualTypeOf<unknown>();
expectTypeOf(session.userId).toEqualTypeOf<string | null>();
expectTypeOf(service.of(host)).resolves.toExtend<Session>();
expectTypeOf(service.find('id')).resolves.toExtend<Session | null>();

// Options, and ways to make them.
class Settings {
  readonly idleTimeout = '30m';
}
expectTypeOf(SessionModule.forRoot()).toEqualTypeOf<DynamicModule>();
expectTypeOf(
  SessionModule.forRootAsync({
    inject: [Settings],
    useFactory: ({ idleTimeout }: Settings) => Promise.resolve({ idleTimeout }),
  }),
).toEqualTypeOf<DynamicModule>();
SessionModule.forRootAsync({
  useClass: class {
    createSessionOptions = (): SessionModuleOptions => ({});
  },
});
SessionModule.forRootAsync({ store: MemorySessionStore, useFactory: () => ({}) });
// @ts-expect-error -- no duration
SessionModule.forRoot({ idleTimeout: true });
// @ts-expect-error -- no such option
SessionModule.forRoot({ idelTimeout: '30m' });
// @ts-expect-error -- a class that makes no options
SessionModule.forRootAsync({ useClass: Settings });
// What is there with undefined, as run time has it.
declare const within: string | undefined;
// @ts-expect-error -- no options
SessionModule.forRoot(undefined);
// @ts-expect-error -- no options
Authorize(undefined);
// @ts-expect-error -- is left out, and not undefined
Authorize({ within });
Authorize({ roles: ['admin'], ...(within !== undefined && { within }) });
// @ts-expect-error -- anybody's, where there is no user
void service.revoke('id', undefined);
// The table's name must be known before anything is injected.
expectTypeOf<SessionModuleAsyncOptions>().toHaveProperty('tableName');
expectTypeOf<SessionModuleOptions>().not.toHaveProperty('tableName');
expectTypeOf<MemorySessionStore>().toExtend<SessionStore>();

// The testing kit.
declare const app: Parameters<typeof createTestSession>[0];
expectTypeOf(createTestSession(app, { userId: 'ada', ttl: '5m' })).resolves.toEqualTypeOf<TestSession>();
expectTypeOf<TestSession['cookiesFor']>().returns.toEqualTypeOf<TestCookie[]>();
expectTypeOf<TestSession['headers']>().toExtend<ConstructorParameters<typeof Headers>[0]>();
expectTypeOf(readSession).returns.resolves.toExtend<Session | null>();
