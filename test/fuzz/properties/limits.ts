import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type Session, SessionDataError, type SessionService } from 'nestjs-mikro-session';
import { type FuzzProperty, fuzzProperty } from '../fuzz-property.js';
import { anyText, isStorableText } from '../generate/texts.js';
import { jsonbText } from '../json.js';
import { outcomeOf } from '../outcome.js';
import { IN_PROCESS, isSealing, type PlaceDefinition } from '../place.js';
import { withSession } from '../with-session.js';
import type { World } from '../world.js';

const LIMIT = 65_536;
const SHARES = { memory: 15, PostgreSQL: 4, PGlite: 1 };

const text = anyText.filter((one) => isStorableText(one) && !one.startsWith('$'));
// Whole numbers alone: how many digits a store writes of others is not what is tried here.
const value = fc.oneof(text, fc.integer(), fc.constant(null), fc.array(fc.oneof(text, fc.integer()), { maxLength: 3 }));

/** How a session gets its data. */
const WAYS = ['create()', 'save()', 'push()', 'update()'] as const;

/** What is encrypted counts otherwise. */
export const limitProperties = (world: World): FuzzProperty[] =>
  IN_PROCESS.filter((place) => !isSealing(place)).map((place) =>
    fuzzProperty(
      {
        title: `Data of exactly maxDataBytes is stored, and one byte more is refused: ${place.name}`,
        share: SHARES[place.kind],
        place: place.name,
      },
      [
        fc.dictionary(text, value, { maxKeys: 4 }),
        fc.constantFrom('x', 'é', '\u{1f600}', '"', '\n', '\u{1}', '\\'),
        fc.constantFrom(-1, 0, 1, 2),
        fc.constantFrom(...WAYS),
      ],
      async (content, filler, beyond, way) => {
        const { sessions } = await world.place(place);
        const data = dataOf(place, content, filler, beyond, way === 'push()');
        await withSession(sessions, {}, (session) => endsThere(sessions, session, data, beyond > 0, way));
      },
    ),
  );

/** Data of so many bytes more than the limit. */
function dataOf(
  { kind }: PlaceDefinition,
  content: Record<string, unknown>,
  filler: string,
  beyond: number,
  isPushed: boolean,
): Record<string, unknown> {
  const bytesOf = (data: object): number =>
    Buffer.byteLength(kind === 'memory' ? JSON.stringify(data) : jsonbText(data));
  const filled = (length: number, rest = 0): Record<string, unknown> => {
    const fill = filler.repeat(length) + 'x'.repeat(rest);
    return Object.fromEntries([...Object.entries(content), ['fill', isPushed ? [fill] : fill]]);
  };
  const each = bytesOf(filled(1)) - bytesOf(filled(0));
  const room = LIMIT + beyond - bytesOf(filled(0));
  const data = filled(Math.floor(room / each), room % each);
  assert.equal(bytesOf(data), LIMIT + beyond);
  return data;
}

async function endsThere(
  sessions: SessionService,
  session: Session,
  data: Record<string, unknown>,
  isTooBig: boolean,
  way: (typeof WAYS)[number],
): Promise<void> {
  const outcome = await outcomeOf(async () => {
    if (way === 'create()') return (await sessions.create({ data })).session.id;
    if (way === 'update()') await session.update((live) => void Object.assign(live, data));
    else if (way === 'push()') {
      const { fill, ...rest } = data;
      Object.assign(session.data, rest);
      session.push('fill', (fill as unknown[])[0]);
    } else Object.assign(session.data, data);
    await session.save();
    return session.id;
  });
  if (isTooBig) {
    assert.ok(outcome.error instanceof SessionDataError, String(outcome.error));
    assert.deepEqual({ ...(await sessions.find(session.id))?.data }, {});
    return;
  }
  if (outcome.error !== undefined) throw outcome.error;
  assert.deepEqual({ ...(await sessions.find(outcome.value))?.data }, data);
  await sessions.revoke(outcome.value);
}
