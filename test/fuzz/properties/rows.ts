import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { SessionDataError, SessionGoneError } from 'nestjs-mikro-session';
import type { Seen } from '../application.js';
import { type FuzzProperty, fuzzProperty } from '../fuzz-property.js';
import { anyText, isStorableText } from '../generate/texts.js';
import { plainValue } from '../generate/values.js';
import { outcomeOf } from '../outcome.js';
import { makerFor, PLACES, type PlaceDefinition } from '../place.js';
import { cookieOf, type Witness, witnessesOf } from '../witnesses.js';
import type { World } from '../world.js';

const inPostgres = PLACES.filter(({ kind }) => kind === 'PostgreSQL');

/** Values of a type of PostgreSQL's, as text. */
type Values = fc.Arbitrary<string | null>;

const storable = anyText.filter(isStorableText);
const text: Values = fc.option(
  fc.oneof(
    storable,
    fc.constantFrom(513, 95_000).map((length) => 'x'.repeat(length)),
  ),
);
const bytes: Values = fc.option(
  fc
    .oneof(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ minLength: 32, maxLength: 32 }))
    .map((array) => `\\x${Buffer.from(array).toString('hex')}`),
);
const TIMES = [
  'infinity',
  '-infinity',
  'epoch',
  '294276-12-31',
  '4713-01-01 BC',
  '9999-12-31 23:59:59.999999Z',
  '10000-01-01',
];
const time: Values = fc.option(
  fc.oneof(
    fc.constantFrom(...TIMES),
    fc.integer({ min: -1e9, max: 1e9 }).map((seconds) => new Date(Date.now() + seconds * 1_000).toISOString()),
  ),
);
const integer: Values = fc.option(fc.oneof(fc.integer(), fc.integer({ min: -2, max: 3 })).map(String));
const EDGES = [2n ** 63n - 1n, -(2n ** 63n), 0n, 1n, 31_536_000_000_000n, 31_536_000_000_001n];
const big: Values = fc.option(
  fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.constantFrom(...EDGES)).map(String),
);
const deep = fc.constantFrom(63, 64, 65, 66, 6_000).map((levels) => `${'{"in":'.repeat(levels)}1${'}'.repeat(levels)}`);
const reserved = fc
  .tuple(fc.constantFrom('$flash:x', '$flash:', '$other', 'owner', '__proto__', 'roles', 'permissions'), plainValue)
  .map(([key, value]) => JSON.stringify(Object.fromEntries([[key, value]])));
const sealed = fc
  .tuple(fc.base64String({ maxLength: 60 }), fc.constantFrom('$enc1.', '$enc2.', '$enc1.AAAAAAAA.'))
  .map(([body, begin]) => JSON.stringify({ owner: begin + body, visits: begin }));
const json: Values = fc.option(
  fc.oneof(plainValue.map((value) => JSON.stringify(value)), deep, reserved, sealed, fc.constantFrom('{"n":1e400}', '1e-400')),
); // prettier-ignore

/** An id of its own for each case, as several properties are tried with the same values at a time. */
const ANOTHER = 'another';

const COLUMNS: Record<string, readonly [type: string, values: Values]> = {
  id: ['uuid', fc.constant(ANOTHER)],
  secret_hash: ['bytea', bytes],
  previous_secret_hash: ['bytea', bytes],
  rotated_at: ['timestamptz', time],
  generation: ['int', integer],
  user_id: ['text', text],
  auth: ['jsonb', json],
  authenticated_at: ['timestamptz', time],
  data: ['jsonb', json],
  ttl: ['bigint', big],
  created_at: ['timestamptz', time],
  updated_at: ['timestamptz', time],
  last_access_at: ['timestamptz', time],
  expires_at: ['timestamptz', time],
  ends_at: ['timestamptz', time],
  ip: ['text', text],
  user_agent: ['text', text],
  persistent: ['boolean', fc.constantFrom(null, 'true', 'false')],
};

/** A column, its type, and a value as text. */
type Tampering = readonly [column: string, type: string, value: string | null];
const tampering: fc.Arbitrary<Tampering> = fc.oneof(
  ...Object.entries(COLUMNS).map(([column, [type, values]]) => values.map((value) => [column, type, value] as const)),
);

export const rowProperties = (world: World): FuzzProperty[] =>
  inPostgres.map((place) =>
    fuzzProperty(
      {
        title: `A row with any values in its columns is a session or none, fails no request, and harms no other: ${place.name}`,
        share: 20,
        place: place.name,
      },
      [fc.uniqueArray(tampering, { minLength: 1, maxLength: 3, selector: ([column]) => column })],
      (tamperings) => harmsNothing(world, place, tamperings),
    ),
  );

/** The places whose columns can hold nothing as well. */
const loose = new Map<string, Promise<void>>();

async function loosen(world: World, place: PlaceDefinition): Promise<void> {
  // Each looks at the table when it starts.
  await world.place(place);
  await world.place(makerFor(place));
  const columns = Object.keys(COLUMNS).filter((column) => column !== 'id');
  const loosened = columns.map((column) => `alter column ${column} drop not null`);
  await world.query(`alter table ${world.schemaOf(place)}.sessions ${loosened.join(', ')}`);
}

async function harmsNothing(world: World, definition: PlaceDefinition, wanted: readonly Tampering[]): Promise<void> {
  const tamperings = wanted.map(([column, type, value]) => [column, type, value === ANOTHER ? randomUUID() : value] as const); // prettier-ignore
  const loosening = loose.get(definition.name) ?? loosen(world, definition);
  loose.set(definition.name, loosening);
  await loosening;
  const place = await world.place(definition);
  const { sessions } = place;
  const witnesses = await witnessesOf(place);
  const neighbour = witnesses.all[0] as Witness;
  const userId = `user ${Math.random()}`;
  const maker = await world.place(makerFor(definition));
  const { session, credential } = await maker.sessions.create({
    userId,
    auth: { roles: ['reader'] },
    data: { owner: userId },
  });
  const { id } = session;
  const set = tamperings.map(([column, type], index) => `${column} = $${index + 2}::${type}`).join(', ');
  const values = tamperings.map(([, , value]) => value);
  await world.query(`update ${world.schemaOf(definition)}.sessions set ${set} where id = $1`, [id, ...values]);

  const wire = await world.wire(place);
  const look = async (path: string, whose: string): Promise<Seen> => {
    const answer = await wire.send(path === '/look' ? 'GET' : 'POST', path, [`Cookie: ${cookieOf(whose)}`]);
    assert.equal(answer.status, 200, answer.body);
    return JSON.parse(answer.body) as Seen;
  };
  const tampered = new Map(tamperings.map(([column, , value]) => [column, value]));
  const mayBe = [id, null, ...(tampered.has('id') ? [tampered.get('id')] : [])];
  for (const path of ['/look', '/mark', '/look']) {
    const seen = await look(path, credential);
    assert.ok(mayBe.includes(seen.id), 'another session was opened');
    assert.ok([null, userId, tampered.get('user_id')].includes(seen.userId), 'another user is signed in');
    const text = JSON.stringify(seen);
    for (const other of witnesses.all) assert.ok(!text.includes(other.userId), "another session's data is shown");
    if (seen.id === null) assert.deepEqual(seen.data, path === '/mark' ? { mark: 1 } : {});
  }
  assert.equal((await look('/look', neighbour.credential)).userId, neighbour.userId);

  for (const device of await sessions.listForUser(userId)) JSON.stringify(device);
  const found = await sessions.find(id);
  if (found !== null)
    JSON.stringify([found, found.auth, found.avatar, found.flashes(), found.createdAt, found.expiresAt]);
  const update = await outcomeOf(() => sessions.update(id, (data) => void (data['byId'] = 1)));
  const { error } = update;
  if (error !== undefined && !(error instanceof SessionGoneError || error instanceof SessionDataError)) throw error;
  await sessions.flush();
  await sessions.revoke(id);
  await world.query(`delete from ${world.schemaOf(definition)}.sessions where id = $1 or id = $2`, [
    id,
    tampered.get('id') ?? id,
  ]);
  await witnesses.assertUntouched();
}
