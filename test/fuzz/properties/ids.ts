import assert from 'node:assert/strict';
import fc from 'fast-check';
import { SessionArgumentError, SessionGoneError, type SessionService } from 'nestjs-mikro-session';
import { type FuzzProperty, fuzzProperty } from '../fuzz-property.js';
import { anyTextOrLong, isStorableText, uuid } from '../generate/texts.js';
import { anyValue } from '../generate/values.js';
import { outcomeOf } from '../outcome.js';
import { IN_PROCESS, type PlaceDefinition } from '../place.js';
import { witnessesOf } from '../witnesses.js';
import type { World } from '../world.js';

const IN_MEMORY = IN_PROCESS[0] as PlaceDefinition;
const SHARES = { memory: 40, PostgreSQL: 12, PGlite: 3 };

/** The form in which some systems hand on a session's id: with a number after it. */
const ID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}(\.\d+)?$/i;
const isUserId = (text: string): boolean => text !== '' && text.length <= 512 && isStorableText(text);

const anId = fc.oneof(
  { weight: 3, arbitrary: anyTextOrLong },
  { weight: 1, arbitrary: uuid },
  { weight: 1, arbitrary: fc.tuple(uuid, anyTextOrLong).map(([id, text]) => id + text) },
  { weight: 1, arbitrary: uuid.map((id) => id.toUpperCase()) },
);

export const idProperties = (world: World): FuzzProperty[] => [
  ...IN_PROCESS.map((place) =>
    fuzzProperty(
      {
        title: `Any text is a session's id or none, and a user's or none, and neither ends nor shows another's: ${place.name}`,
        share: SHARES[place.kind],
        place: place.name,
      },
      [anId, anyTextOrLong],
      (id, userId) => findsNothing(world, place, id, userId),
    ),
  ),
  ...IN_PROCESS.map((place) =>
    fuzzProperty(
      {
        title: `Any text that can be stored is a user's id, under which exactly that user's sessions are found: ${place.name}`,
        share: SHARES[place.kind] / 3,
        place: place.name,
      },
      [anyTextOrLong, anyTextOrLong],
      (userId, other) => signsIn(world, place, userId, other),
    ),
  ),
  fuzzProperty(
    {
      title: 'Any value but a text is refused as an id, by an error that names what it is',
      share: 30,
      place: IN_MEMORY.name,
    },
    [anyValue, fc.nat(6)],
    (value, method) => isRefused(world, value.make(), method),
  ),
];

async function findsNothing(world: World, definition: PlaceDefinition, id: string, userId: string): Promise<void> {
  const place = await world.place(definition);
  const { sessions } = place;
  const witnesses = await witnessesOf(place);
  assert.equal(await sessions.find(id), null);
  assert.equal(await sessions.revoke(id), false);
  assert.ok((await outcomeOf(() => sessions.update(id, () => 1))).error instanceof SessionGoneError);
  const listed = await outcomeOf(() => sessions.listForUser(userId));
  const revoked = await outcomeOf(() => sessions.revoke(witnesses.all[0]?.id as string, { userId }));
  const allRevoked = await outcomeOf(() => sessions.revokeAllForUser(userId, { except: id }));
  if (isUserId(userId)) {
    assert.deepEqual(listed, { value: [] });
    assert.deepEqual(revoked, { value: false });
  } else {
    assert.ok(listed.error instanceof SessionArgumentError);
    assert.ok(revoked.error instanceof SessionArgumentError);
  }
  if (isUserId(userId) && ID.test(id)) assert.deepEqual(allRevoked, { value: 0 });
  else assert.ok(allRevoked.error instanceof SessionArgumentError);
  await witnesses.assertUntouched();
}

async function signsIn(world: World, definition: PlaceDefinition, userId: string, other: string): Promise<void> {
  // PGlite reads no byte order mark at the beginning of a text.
  if (definition.kind === 'PGlite' && userId.startsWith('\u{feff}')) return;
  const place = await world.place(definition);
  const witnesses = await witnessesOf(place);
  const { sessions } = place;
  const one = await outcomeOf(() => sessions.create({ userId }));
  if (!isUserId(userId)) {
    assert.ok(one.error instanceof SessionArgumentError);
    return;
  }
  if (one.error !== undefined) throw one.error;
  const id = one.value?.session.id;
  const names = async (user: string): Promise<string[]> =>
    (await sessions.listForUser(user)).map((device) => device.id);
  assert.deepEqual(await names(userId), [id]);
  assert.equal((await sessions.find(id as string))?.userId, userId);
  if (isUserId(other) && other !== userId) {
    assert.deepEqual(await names(other), []);
    assert.equal(await sessions.revokeAllForUser(other), 0);
  }
  assert.equal(await sessions.revokeAllForUser(userId), 1);
  assert.deepEqual(await names(userId), []);
  await witnesses.assertUntouched();
}

const METHODS: ((sessions: SessionService, value: never) => Promise<unknown>)[] = [
  (sessions, value) => sessions.find(value),
  (sessions, value) => sessions.update(value, () => 1),
  (sessions, value) => sessions.revoke(value),
  (sessions, value) => sessions.revoke('', { userId: value }),
  (sessions, value) => sessions.listForUser(value),
  (sessions, value) => sessions.revokeAllForUser(value),
  (sessions, value) => sessions.update('', value),
];

async function isRefused(world: World, value: unknown, method: number): Promise<void> {
  const isFine = typeof value === 'string' || (method === 6 && typeof value === 'function');
  if (isFine) return;
  const { sessions } = await world.place(IN_MEMORY);
  const call = METHODS[method] as (typeof METHODS)[number];
  const { error } = await outcomeOf(() => call(sessions, value as never));
  assert.ok(error instanceof SessionArgumentError, String(error));
}
