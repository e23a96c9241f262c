import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type Session, SessionDataError, type SessionService } from 'nestjs-mikro-session';
import { type FuzzProperty, fuzzProperty } from '../fuzz-property.js';
import { anyTextOrLong, isStorableText } from '../generate/texts.js';
import { anyValue, type Made, plainValue } from '../generate/values.js';
import { isLikeSealed, type Kept, kept, sizeOf } from '../json.js';
import { type Outcome, outcomeOf } from '../outcome.js';
import { IN_PROCESS, isSealing, type PlaceDefinition } from '../place.js';
import { withSession } from '../with-session.js';
import type { World } from '../world.js';

const SHARES = { memory: 60, PostgreSQL: 12, PGlite: 3 };
const MAX_DATA_BYTES = 65_536;

/** A way for a value to get into a session that is stored. */
interface Way {
  readonly name: string;
  /** What is left of the value there; `null` where it is refused. */
  readonly kept: (value: unknown) => Kept;
  readonly write: (session: Session, value: unknown) => unknown; // what it gives is waited for
  readonly read: (session: Session) => unknown;
}

const atKey = { kept: (value: unknown) => (value === undefined ? { value } : kept(value)), read: (session: Session) => session.data['key'] as unknown }; // prettier-ignore

const SYMBOL = Symbol('key');

/** A getter of a value; for a function, one that throws. */
const read = (value: unknown) => (): unknown => {
  if (typeof value === 'function') throw new Error('thrown by the getter');
  return value;
};

const WAYS: readonly Way[] = [
  { name: 'session.data.key = value', ...atKey, write: (session, value) => void (session.data['key'] = value) },
  {
    name: 'session.data[Symbol()] = value',
    kept: () => null,
    write: (session, value) => void ((session.data as Record<symbol, unknown>)[SYMBOL] = value),
    read: () => undefined,
  },
  {
    name: "Object.defineProperty(session.data, 'key', { get })",
    ...atKey,
    write: (session, value) => Object.defineProperty(session.data, 'key', { get: read(value), enumerable: true, configurable: true }),
  },
  {
    name: "Object.defineProperty(session.data.object, 'in', { get })",
    kept: (value) => kept({ in: value }),
    write: (session, value) => Object.defineProperty(session.data['key'], 'in', { get: read(value), enumerable: true, configurable: true }),
    read: (session) => session.data['key'] as unknown,
  },
  { name: "session.set('key', value)", ...atKey, write: (session, value) => session.set('key', value) },
  { name: 'session.update()', ...atKey, write: (session, value) => session.update((data) => void (data['key'] = value)) },
  {
    name: "session.set('key.in', value)",
    kept: (value) => kept({ in: value }),
    write: (session, value) => session.set('key.in', value),
    read: (session) => session.data['key'] as unknown,
  },
  {
    name: "session.push('key', value)",
    kept: (value) => kept([value]),
    write: (session, value) => session.push('key', value),
    read: (session) => session.data['key'] as unknown,
  },
  {
    name: "session.flash('key', value)",
    kept: (value) => kept({ message: value ?? null }),
    write: (session, value) => session.flash('key', value),
    read: (session) => ({ message: session.flashes()[0]?.message }),
  },
]; // prettier-ignore

export const valueProperties = (world: World): FuzzProperty[] => [
  ...IN_PROCESS.map((place) =>
    fuzzProperty(
      {
        title: `Any value comes back from a session as it was, or is refused, and then nothing is written: ${place.name}`,
        share: SHARES[place.kind],
        place: place.name,
      },
      [anyValue, fc.constantFrom(...WAYS).map((way) => Object.assign(way, { toString: () => way.name }))],
      async (value, way) => {
        const { sessions } = await world.place(place);
        const before = { before: 1, ...(way.name.includes('.object') && { key: {} }) };
        await withSession(sessions, structuredClone(before), (session) =>
          comesBack(sessions, session, before, value, way, isSealing(place)),
        );
      },
    ),
  ),
  ...IN_PROCESS.map((place) =>
    fuzzProperty(
      {
        title: `Any key comes back from a session as it was, or is refused, and then nothing is written: ${place.name}`,
        share: SHARES[place.kind],
        place: place.name,
      },
      [fc.array(fc.tuple(anyTextOrLong, plainValue), { minLength: 1, maxLength: 5 })],
      async (members) => {
        const { sessions } = await world.place(place);
        await withSession(sessions, { before: 1 }, (session) =>
          keysComeBack(sessions, session, members, isSealing(place)),
        );
      },
    ),
  ),
  ...IN_PROCESS.map((place) =>
    fuzzProperty(
      {
        title: `Any data and any snapshot is what a session begins with, or is refused, and then none begins: ${place.name}`,
        share: SHARES[place.kind] / 3,
        place: place.name,
      },
      [anyValue, anyValue, fc.boolean()],
      (data, auth, isUser) => begins(world, place, data, isUser ? auth : null),
    ),
  ),
];

/** What is stored of a session, by another look at it. */
async function storedOf(sessions: SessionService, id: string): Promise<Session> {
  const session = await sessions.find(id);
  assert.ok(session, 'the session is gone');
  return session;
}

/** Fails unless an operation was refused as data is. */
function assertRefused({ error }: Outcome<unknown>): void {
  if (!(error instanceof SessionDataError)) throw error ?? new Error('It was not refused.');
}

async function comesBack(
  sessions: SessionService,
  session: Session,
  before: object,
  made: Made,
  way: Way,
  isSealing: boolean,
): Promise<void> {
  const value = made.make();
  const storable = made.isStable ? way.kept(made.make()) : null;
  const expected = isSealing || !isLikeSealed(storable?.value) ? storable : null;
  const outcome = await outcomeOf(async () => {
    session.data['beside'] = 1;
    await way.write(session, value);
    await session.save();
  });
  const stored = await storedOf(sessions, session.id);
  if (outcome.error === undefined) {
    assert.equal(stored.data['beside'], 1);
    const read = way.read(stored);
    // What says something else each time is stored as it was one of the times: as plain data in any case.
    if (made.isStable) assert.deepEqual(plain(read), plain(expected?.value));
    if (made.isStable) assert.ok(expected, 'it was stored, and should have been refused');
    assert.ok(read === undefined || kept(read));
    return;
  }
  assertRefused(outcome);
  assert.ok(
    expected === null || sizeOf(expected.value).most > MAX_DATA_BYTES,
    `it was refused: ${String(outcome.error)}`,
  );
  // update() stores what was written before it.
  const beside = way.name === 'session.update()' ? { beside: 1 } : {};
  assert.deepEqual({ ...stored.data }, { ...before, ...beside });
  // The application may go on with the session.
  delete session.data['key'];
  delete (session.data as Record<symbol, unknown>)[SYMBOL];
  session.data['key'] = 'mended';
  await session.save();
  assert.equal((await storedOf(sessions, session.id)).data['key'], 'mended');
}

async function keysComeBack(
  sessions: SessionService,
  session: Session,
  members: readonly (readonly [string, unknown])[],
  isSealing: boolean,
): Promise<void> {
  const outcome = await outcomeOf(async () => {
    // The object has no prototype: no key has a meaning.
    for (const [key, value] of members) session.data[key] = structuredClone(value);
    await session.save();
  });
  const expected = Object.fromEntries([['before', 1], ...members]);
  const { least, most } = sizeOf(expected);
  const isStorable =
    members.every(([key]) => isStorableText(key) && !key.startsWith('$')) &&
    (isSealing || !Object.values(expected).some(isLikeSealed)) &&
    least <= MAX_DATA_BYTES;
  const stored = await storedOf(sessions, session.id);
  if (outcome.error === undefined) {
    assert.ok(isStorable, 'it was stored, and should have been refused');
    assert.deepEqual(plain({ ...stored.data }), plain(kept(expected)?.value));
    assert.deepEqual([...stored.keys()].sort(), Object.keys(expected).sort());
    return;
  }
  assertRefused(outcome);
  assert.ok(!isStorable || most > MAX_DATA_BYTES, `it was refused: ${String(outcome.error)}`);
  assert.deepEqual({ ...stored.data }, { before: 1 });
}

async function begins(world: World, definition: PlaceDefinition, data: Made, auth: Made | null): Promise<void> {
  const { sessions } = await world.place(definition);
  const before = definition.kind === 'memory' ? await sessions.count() : 0;
  const userId = `user ${Math.random()}`;
  const content = { data: data.make(), ...(auth !== null && { userId, auth: auth.make() }) };
  const outcome = await outcomeOf(() => sessions.create(content as never));
  if (outcome.error === undefined) {
    const stored = await storedOf(sessions, outcome.value?.session.id as string);
    if (data.isStable && content.data !== undefined) assert.deepEqual(plain({ ...stored.data }), plain(kept(data.make(), -1)?.value)); // prettier-ignore
    if (auth?.isStable === true) assert.deepEqual(plain(stored.auth), plain(kept(auth.make())?.value ?? null));
    await sessions.revoke(stored.id);
    return;
  }
  const { code } = outcome.error;
  if (code !== 'ERR_SESSION_DATA' && code !== 'ERR_SESSION_ARGUMENT') throw outcome.error;
  if (definition.kind === 'memory') assert.equal(await sessions.count(), before);
  assert.deepEqual(await sessions.listForUser(userId), []);
}

/** The same with Object's prototype and order all along, so that only what it says counts. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).map(([key, item]) => [key, plain(item)] as const);
  return Object.fromEntries(members.sort(([one], [other]) => (one < other ? -1 : 1)));
}
