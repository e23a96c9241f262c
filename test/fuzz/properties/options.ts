import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MemorySessionStore, SessionModule, SessionService } from 'nestjs-mikro-session';
import { type ResolvedSessionOptions, SESSION_OPTIONS } from 'nestjs-mikro-session/store';
import { type FuzzProperty, fuzzProperty } from '../fuzz-property.js';
import { anyOptions, type MadeOptions, rightOptions } from '../generate/options.js';
import { anyValue } from '../generate/values.js';
import { type Outcome, outcomeOf } from '../outcome.js';

/** What is told at start, where something is to be mended. */
const CODES = new Set<unknown>(['ERR_SESSION_CONFIGURATION', 'ERR_SESSION_SETUP']);
/** What a session answers where options leave it no time or no room. */
const ANSWERS = new Set<unknown>([
  'ERR_SESSION_DATA',
  'ERR_SESSION_GONE',
  'ERR_SESSION_ARGUMENT',
  'ERR_SESSION_STORE_UNAVAILABLE',
]);

type Options = Parameters<typeof SessionModule.forRoot>[0];

export const optionProperties = (): FuzzProperty[] => [
  fuzzProperty(
    {
      title: 'Any options begin sessions that work, or are refused at start by a sentence that names the option',
      share: 60,
      place: 'options',
    },
    [anyOptions, fc.constantFrom('forRoot', 'forRootAsync')],
    async (options, way) => void (await beginOrAreRefused(options, way)),
  ),
  fuzzProperty(
    { title: 'Any options that are right begin sessions that work', share: 10, place: 'options' },
    [rightOptions, fc.constantFrom('forRoot', 'forRootAsync')],
    async (options, way) => assert.equal(await beginOrAreRefused(options, way), null),
  ),
  fuzzProperty(
    { title: 'Any value but a store is refused as one at start', share: 10, place: 'options' },
    [anyValue, fc.constantFrom('store', 'useValue', 'useFactory')],
    async (made, way) => {
      if (way !== 'store' && isProxy(made)) return;
      const value = made.make();
      const store = way === 'store' ? value : way === 'useValue' ? { useValue: value } : { useFactory: () => value };
      // Left out, it is MikroORM's, which is not there.
      assertToldAtStart(await startWith(() => SessionModule.forRoot({ store } as Options)));
    },
  ),
];

/** Nest looks at values, and waits for what a factory gives, before any of this library does. */
const isProxy = ({ name }: MadeOptions): boolean => /^a (revoked )?proxy/.test(name);

/** The error with which they were refused; `null` for none. */
async function beginOrAreRefused(made: MadeOptions, way: string): Promise<Error | null> {
  if (way === 'forRootAsync' && isProxy(made)) return null;
  const outcome = await startWith(() => {
    const given = made.make();
    if (way === 'forRootAsync') return SessionModule.forRootAsync({ useFactory: () => given as never, store: MemorySessionStore });
    if (typeof given === 'object' && given !== null && !isProxy(made)) Reflect.defineProperty(given, 'store', { value: MemorySessionStore, enumerable: true, configurable: true });
    return SessionModule.forRoot(given as Options);
  }); // prettier-ignore
  if (outcome.error !== undefined) {
    assertToldAtStart(outcome);
    return outcome.error;
  }
  const app = outcome.value;
  assertResolved(app.get(SESSION_OPTIONS));
  const sessions = app.get(SessionService);
  const visit = await outcomeOf(async () => {
    const { session } = await sessions.create({ userId: 'ada', data: { a: 1 } });
    const found = await sessions.find(session.id);
    if (found !== null) assert.deepEqual({ ...found.data }, { a: 1 });
    await sessions.purgeExpired();
  });
  await app.close();
  if (visit.error !== undefined && !ANSWERS.has(visit.error.code)) throw visit.error;
  return null;
}

/** Fails unless options are of the kinds that everything else relies on. */
function assertResolved(options: ResolvedSessionOptions): void {
  const whole = (number: number | null): void =>
    assert.ok(Number.isSafeInteger(number) && Number(number) >= 0, String(number));
  const { lifetime, renewal, cache, cookie, header, ...rest } = options;
  whole(lifetime.ttl);
  if (lifetime.absolute !== null) assert.ok(lifetime.absolute >= lifetime.ttl);
  for (const number of [renewal.flushEvery, renewal.granularity, rest.rotationGrace, rest.maxDataBytes]) whole(number);
  for (const number of [rest.queryTimeout, rest.retryAfter, ...Object.values(cache ?? {})]) whole(number);
  for (const number of [rest.sweepEvery, rest.maxSessionsPerUser]) if (number !== null) whole(number);
  const flags = [
    rest.saveUninitialized,
    rest.preparedStatements,
    rest.trackDevice,
    rest.ensureSchema,
    cookie.partitioned,
  ];
  for (const flag of [...flags, cookie.persistent]) assert.equal(typeof flag, 'boolean');
  assert.match(cookie.name + header.name, /^[!-~]+$/);
  assert.match(cookie.path, /^\/[^;]*$/);
}

function startWith(module: () => ReturnType<typeof SessionModule.forRoot>) {
  return outcomeOf(async () => {
    const imported = module();
    @Module({ imports: [imported] })
    class OptionsModule {}
    return NestFactory.createApplicationContext(OptionsModule, { logger: false, abortOnError: false });
  });
}

/** Fails unless the start was refused by an error that says what is wrong and how to mend it. */
function assertToldAtStart(outcome: Outcome<{ close(): Promise<void> }>): void {
  const { error } = outcome;
  assert.ok(error, 'It was accepted.');
  if (!CODES.has(error.code)) throw error;
  assert.match(error.message, /^[A-Z].*[.")]$/s);
  assert.ok(error.message.length < 2_000, `a message of ${error.message.length} characters`);
}
