import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Seen } from '../application.js';
import type { Fault } from '../faulty-store.js';
import { type FuzzProperty, fuzzProperty } from '../fuzz-property.js';
import { COOKIE } from '../generate/cookies.js';
import { PLACES, type Place, type PlaceDefinition } from '../place.js';
import { type Ending, type Program, progressOf, REFUSED, type Step } from '../program.js';
import { courseOf, type State, stateText } from '../session-model.js';
import { cookieOf, witnessesOf } from '../witnesses.js';
import type { World } from '../world.js';

const SHARES = { memory: 20, PostgreSQL: 10, PGlite: 2 };

const number = fc.integer({ min: -5, max: 5 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: number.map((to) => ({ kind: 'set', to }) as const) },
  { weight: 2, arbitrary: fc.constant({ kind: 'unset' } as const) },
  { weight: 4, arbitrary: number.map((by) => ({ kind: 'increment', by }) as const) },
  { weight: 3, arbitrary: number.map((item) => ({ kind: 'push', item }) as const) },
  { weight: 1, arbitrary: fc.constant({ kind: 'clear' } as const) },
  { weight: 3, arbitrary: fc.constant({ kind: 'save' } as const) },
  { weight: 2, arbitrary: fc.constant({ kind: 'update' } as const) },
  { weight: 1, arbitrary: fc.constant({ kind: 'login' } as const) },
  { weight: 1, arbitrary: fc.constant({ kind: 'regenerate' } as const) },
);
const ending: fc.Arbitrary<Ending> = fc.constantFrom('answer', 'answer', 'answer', 'refuse', 'throw');
const program: fc.Arbitrary<Program> = fc
  .tuple(fc.array(step, { maxLength: 5 }), ending, fc.integer({ min: 0, max: 9 }))
  .map(([steps, how, destroys]) =>
    destroys === 0 ? { steps: [...steps, { kind: 'destroy' }], ending: 'answer' } : { steps, ending: how },
  );
const faults: fc.Arbitrary<(Fault | null)[]> = fc.array(
  fc.oneof({ weight: 4, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fc.constantFrom('before', 'after') }),
  { maxLength: 8 },
);
const visit = fc.record({ who: fc.nat(1), program, faults: fc.oneof(fc.constant([]), faults) });
type Visit = typeof visit extends fc.Arbitrary<infer Type> ? Type : never;

export const faultProperties = (world: World): FuzzProperty[] =>
  PLACES.filter(({ options }) => options.transport === undefined).map((place) =>
    fuzzProperty(
      {
        title: `What a session's requests were told is stored, whole or not at all, whatever fails in its store: ${place.name}`,
        share: SHARES[place.kind],
        place: place.name,
      },
      [fc.array(visit, { minLength: 1, maxLength: 8 })],
      (visits) => isStoredWhole(world, place, visits),
    ),
  );

/** Somebody who visits, with what opens the session, and what it holds. */
interface Visitor {
  readonly id: string;
  cookie: string;
  state: State;
}

async function newVisitor({ sessions }: Place): Promise<Visitor> {
  const { session, credential } = await sessions.create();
  return { id: session.id, cookie: cookieOf(credential), state: { userId: null, data: {} } };
}

async function isStoredWhole(world: World, definition: PlaceDefinition, visits: readonly Visit[]): Promise<void> {
  const place = await world.place(definition);
  const witnesses = await witnessesOf(place);
  const visitors = [await newVisitor(place), await newVisitor(place)];
  for (const { who, program: wanted, faults: planned } of visits) {
    const visitor = visitors[who] as Visitor;
    const course = courseOf(visitor.state, wanted);
    const progress = { acknowledged: 0 };
    progressOf.set(definition.name, progress);
    place.faults.plan(planned);
    const wire = await world.wire(place);
    const body = JSON.stringify({ name: definition.name, program: JSON.stringify(wanted) });
    const answer = await wire.send('POST', '/run', [`Cookie: ${visitor.cookie}`], body);
    const hasFailed = place.faults.end();
    const told = { answer: 200, refuse: REFUSED, throw: 500 }[wanted.ending];
    if (answer.status !== told && !(answer.status === 503 && hasFailed)) {
      assert.fail(`It was answered ${answer.status} instead of ${told}: ${answer.body}`);
    }
    // Only the last part of the course may be told or not: the failure was there.
    const possible = answer.status === told ? [course.end] : course.from(progress.acknowledged);
    for (const other of visitors) {
      const session = await place.sessions.find(other.id);
      const found: State = session && { userId: session.userId, data: { ...session.toJSON() } };
      const expected = (other === visitor ? possible : [other.state]).map(stateText);
      assert.ok(
        expected.includes(stateText(found)),
        `found ${stateText(found)}\nbut expected ${expected.join('\nor           ')}\nanswered ${answer.status}, ${progress.acknowledged} acknowledged`,
      );
      other.state = found;
    }
    if (wanted.ending === 'answer' && answer.status === 200 && course.end !== null) {
      const seen = JSON.parse(answer.body) as Seen;
      assert.equal(stateText({ userId: seen.userId, data: seen.data }), stateText(course.end));
    }
    const [line = ''] = answer.header('set-cookie').map((one) => one.split(';')[0] as string);
    if (line !== '') visitor.cookie = line === `${COOKIE}=` ? visitor.cookie : line;
    // Who was not told the new credential, or has ended the session, comes back as somebody else.
    const isLost = visitor.state === null || (answer.status === 503 && course.changesCredential);
    if (isLost) visitors[who] = await newVisitor(place);
  }
  await Promise.all(visitors.map(({ id }) => place.sessions.revoke(id)));
  await witnesses.assertUntouched();
}
