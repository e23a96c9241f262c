import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Seen } from '../application.js';
import { type FuzzProperty, fuzzProperty } from '../fuzz-property.js';
import { COOKIE, cookieLines, hasControlCharacter, headerValues, opened, openedByHeader } from '../generate/cookies.js';
import { PLACES, type PlaceDefinition } from '../place.js';
import { witnessesOf } from '../witnesses.js';
import type { World } from '../world.js';

const HEADER = 'X-Session-Token';
/** A new session's cookie, and nothing more. */
const ISSUED = /^[\da-f-]{36}\.[\w-]{43}$/;

/** Cases beside those in memory: a look-up in a database takes longer. */
const SHARES = { memory: 100, PostgreSQL: 40, PGlite: 10 };

export const cookieProperties = (world: World): FuzzProperty[] =>
  PLACES.map((place) => {
    const isHeader = place.options.transport === 'header';
    const what = isHeader ? 'session header' : 'Cookie header';
    return fuzzProperty(
      {
        title: `Any ${what} opens the session whose credential it carries, or none, and is no error: ${place.name}`,
        share: isHeader ? 30 : SHARES[place.kind],
        place: place.name,
      },
      [isHeader ? headerValues : cookieLines, fc.integer({ min: 0, max: 5 })],
      (lines, kind) => opensWhatItCarries(world, place, lines, kind === 0),
    );
  });

async function opensWhatItCarries(
  world: World,
  definition: PlaceDefinition,
  linesOf: (live: readonly string[]) => string[],
  writes: boolean,
): Promise<void> {
  const place = await world.place(definition);
  const witnesses = await witnessesOf(place);
  const isHeader = definition.options.transport === 'header';
  const live = witnesses.all.map(({ credential }) => credential);
  const lines = linesOf(live);
  const index = (isHeader ? openedByHeader : opened)(lines, live);
  const wire = await world.wire(place);
  const name = isHeader ? HEADER : 'Cookie';
  const answer = await wire.send(writes ? 'POST' : 'GET', writes ? '/count' : '/look', lines.map((line) => `${name}: ${line}`)); // prettier-ignore
  if (answer.status === 400 && lines.some(hasControlCharacter)) return;

  assert.equal(answer.status, 200, answer.body);
  const seen = JSON.parse(answer.body) as Seen;
  const expected = index === null ? null : (witnesses.all[index] ?? null);
  const given = isHeader ? answer.header(HEADER.toLowerCase()) : answer.header('set-cookie');
  assert.deepEqual(seen, {
    id: expected?.id ?? null,
    userId: expected?.userId ?? null,
    data: expected === null ? {} : { owner: expected.userId, visits: expected.visits },
  });
  if (!writes || expected !== null) assert.deepEqual(given, []);
  else {
    assert.equal(given.length, 1);
    const [text = ''] = (given[0] as string).split(';');
    const credential = isHeader ? text : text.slice(`${COOKIE}=`.length);
    assert.match(credential, ISSUED);
    const id = credential.slice(0, 36);
    assert.ok(!live.some((one) => one.startsWith(id)), 'a live session is given to another visitor');
    assert.equal(await place.sessions.revoke(id), true);
  }
  if (writes && expected !== null) expected.visits += 1;
}
