import fc from 'fast-check';
import { anyText } from './texts.js';
import { anyValue, type Made } from './values.js';

/** Options that are made anew for each use. */
export type MadeOptions = Pick<Made, 'name' | 'make'>;

const always = (value: unknown): MadeOptions => ({ name: JSON.stringify(value) ?? 'nothing', make: () => value });
const oneOf = (...values: unknown[]): fc.Arbitrary<MadeOptions> => fc.constantFrom(...values).map(always);

const AMOUNTS = [
  0,
  1,
  -1,
  2,
  0.5,
  1_000,
  65_536,
  1e6,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  1e15,
  1e300,
  -Infinity,
  NaN,
];
const number = oneOf(...AMOUNTS);
const duration = fc.oneof(
  number,
  oneOf('30m', '1s', '0s', '1ms', '1.5h', '365000d', '365001d', '-1s', '1', ' 1s', '1 s', '1e3ms', '1y', '', 's', '9'.repeat(400) + 's'),
  anyText.map(always),
); // prettier-ignore
const flag = oneOf(true, false, 'true', 0, null);
const name = fc.oneof(
  oneOf('session_id', '__Host-session', '__Secure-x', '__proto__', 'a b', 'a;b', 'Cookie', 'X-Session'),
  anyText.map(always),
);
const key = oneOf(
  Buffer.alloc(32, 1),
  Buffer.alloc(31),
  'ab'.repeat(32),
  Buffer.alloc(32, 2).toString('base64'),
  '',
  new Uint8Array(32),
);

const origin = fc.oneof(
  oneOf('https://app.example', 'http://localhost:3000', 'wss://app.example', 'capacitor://localhost', 'https://*.example', 'null', 'app'),
  anyText.map(always),
); // prettier-ignore

/** A list, mostly of what it should hold. */
const listOf = (item: fc.Arbitrary<MadeOptions>): fc.Arbitrary<MadeOptions> =>
  fc.array(fc.oneof({ weight: 8, arbitrary: item }, { weight: 1, arbitrary: anyValue }), { maxLength: 3 }).map((items) => ({
    name: `[${items.map(({ name: each }) => each).join(', ')}]`,
    make: () => items.map(({ make }) => make()),
  })); // prettier-ignore

/** The members of an object, some of them and in any order, each of them right, or wrong in some way, or anything at all. */
function object(members: Record<string, fc.Arbitrary<MadeOptions>>): fc.Arbitrary<MadeOptions> {
  const entries = Object.entries(members).map(([key, value]) =>
    fc.oneof({ weight: 10, arbitrary: value }, { weight: 1, arbitrary: anyValue }).map((made) => [key, made] as const),
  );
  // Nest waits for what has a then(), before any of this library sees it.
  const unknown = fc.tuple(anyText.filter((text) => text !== 'then'), anyValue);
  return fc
    .tuple(
      fc.shuffledSubarray(entries.map((_, index) => index), { maxLength: Math.min(3, entries.length) }),
      fc.tuple(...entries),
      fc.oneof({ weight: 20, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: unknown }),
      fc.constantFrom('plain', 'plain', 'plain', 'plain', 'plain', 'plain', 'bare', 'getters', 'frozen'),
    )
    .map(([wanted, all, more, kind]) => {
      const chosen = [...wanted.map((index) => all[index] as readonly [string, MadeOptions]), ...(more === null ? [] : [more])];
      return {
        name: `${kind} {${chosen.map(([key, made]) => `${key}: ${made.name}`).join(', ')}}`,
        make: () => {
          const made: object = kind === 'bare' ? (Object.create(null) as object) : {};
          for (const [key, { make }] of chosen) {
            const value = make();
            const place = kind === 'getters' ? { get: () => value } : { value, writable: true };
            Object.defineProperty(made, key, { ...place, enumerable: true, configurable: true });
          }
          return kind === 'frozen' ? Object.freeze(made) : made;
        },
      };
    });
} // prettier-ignore

const cookie = object({
  name,
  path: fc.oneof(oneOf('/', '/app', 'app', '/a;b', '/\n'), anyText.map(always)),
  domain: fc.oneof(
    oneOf('example.com', '.example.com', 'localhost', '-a.b', `${'a'.repeat(64)}.com`),
    anyText.map(always),
  ),
  secure: oneOf(true, false, 'auto', 'always'),
  sameSite: oneOf('lax', 'strict', 'none', 'Lax', true),
  partitioned: flag,
  persistent: flag,
});

const source = { find: () => null, remove: () => undefined };
const adopt = object({
  secret: fc.oneof(oneOf('keyboard cat', ''), listOf(oneOf('keyboard cat', 'old'))),
  name: fc.oneof(oneOf('connect.sid', 'session_id', 'a b'), anyText.map(always)),
  cookie: object({ path: oneOf('/', '/app', 'app'), domain: oneOf('example.com', '-'), partitioned: flag }),
  sessions: oneOf(source, { find: 1 }, null),
  toSession: oneOf(() => null, null, 'passportSession'),
});

/** Options that are right. */
export const rightOptions: fc.Arbitrary<MadeOptions> = fc
  .record(
    {
      idleTimeout: fc.constantFrom('30m', 60_000, '12h'),
      absoluteTimeout: fc.constantFrom<unknown>(false, '365000d'),
      cookie: fc.record({ name: fc.constantFrom('a', '__Secure-a', '!#$'), secure: fc.constant(true), path: fc.constantFrom('/', '/a b') }),
      saveUninitialized: fc.boolean(),
      renewal: fc.record({ flushEvery: fc.constantFrom<unknown>(0, '1s', 2 ** 31 - 1), granularity: fc.constantFrom(0, 59_999) }, { requiredKeys: [] }),
      rotationGrace: fc.constantFrom<unknown>(0, '365000d'),
      maxSessionsPerUser: fc.constantFrom(1, 1e6),
      sweep: fc.constantFrom<unknown>(false, { every: 1 }, { every: '1w' }),
      cache: fc.constantFrom<unknown>(false, true, { max: 1 }, { ttl: 1, maxBytes: 1 }),
      encryption: fc.constantFrom({ keys: [Buffer.alloc(32)] }, { keys: [Buffer.alloc(32)], seal: false }, { keys: ['ab'.repeat(32), new Uint8Array(32).fill(9)], acceptPlain: false }),
      maxDataBytes: fc.constantFrom(200, 16 * 1024 * 1024),
      queryTimeout: fc.constantFrom<unknown>('1s', 2 ** 31 - 1),
      onStoreError: fc.constantFrom('fail', 'anonymous'),
      retryAfter: fc.constantFrom<unknown>(1, '1m'),
      trackDevice: fc.boolean(),
      ensureSchema: fc.boolean(),
    },
    { requiredKeys: [] },
  )
  .map((options) => ({ name: JSON.stringify(options), make: () => ({ ...options }) })); // prettier-ignore

/** What may be given to `SessionModule.forRoot()`, but for the store. */
export const anyOptions: fc.Arbitrary<MadeOptions> = fc.oneof(
  {
    weight: 30,
    arbitrary: object({
      idleTimeout: duration,
      absoluteTimeout: fc.oneof(duration, oneOf(false)),
      transport: oneOf('cookie', 'header', 'both'),
      originCheck: fc.oneof(flag, object({ allow: listOf(origin) })),
      cookie,
      header: object({ name }),
      saveUninitialized: flag,
      renewal: object({ flushEvery: duration, granularity: duration }),
      rotationGrace: duration,
      maxSessionsPerUser: number,
      sweep: fc.oneof(oneOf(false, true), object({ every: duration })),
      cache: fc.oneof(flag, object({ max: number, ttl: duration, maxBytes: number })),
      preparedStatements: flag,
      encryption: object({ keys: listOf(key), acceptPlain: flag, seal: flag }),
      maxDataBytes: number,
      queryTimeout: duration,
      onStoreError: oneOf('fail', 'anonymous', 'ignore'),
      retryAfter: duration,
      trackDevice: flag,
      adopt,
      ensureSchema: flag,
      contextName: fc.oneof(oneOf('other'), anyText.map(always)),
      tableName: fc.oneof(oneOf('other', 'a.b', ''), anyText.map(always)),
      interceptor: flag,
    }),
  },
  { weight: 1, arbitrary: anyValue },
); // prettier-ignore
