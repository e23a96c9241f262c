import assert from 'node:assert/strict';
import fc from 'fast-check';
import { SessionArgumentError, SessionDataError, type SessionService } from 'nestjs-mikro-session';
import { type FuzzProperty, fuzzProperty } from '../fuzz-property.js';
import { anyText, isStorableText } from '../generate/texts.js';
import { plainValue } from '../generate/values.js';
import { isLikeSealed, kept } from '../json.js';
import { outcomeOf } from '../outcome.js';
import { IN_PROCESS, isSealing } from '../place.js';
import { withSession } from '../with-session.js';
import type { World } from '../world.js';

const SHARES = { memory: 60, PostgreSQL: 8, PGlite: 2 };

/** Few enough that paths meet. */
const segment = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('a', 'b', 'list', '0', '1', '2') },
  {
    weight: 1,
    arbitrary: fc.constantFrom('3', '-1', '01', '1e3', '4294967294', '4294967295', '99999999999', 'length'),
  },
  { weight: 1, arbitrary: fc.constantFrom('__proto__', 'constructor', 'prototype', 'toString', '') },
  { weight: 1, arbitrary: anyText.filter(isStorableText) },
);
const path = fc.oneof(
  { weight: 20, arbitrary: fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('.')) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(63, 64, 65, 66, 1_000, 100_000).map((length) => `deep${'.a'.repeat(length)}`),
  },
);
const KINDS = ['set', 'set', 'set', 'delete', 'get', 'has', 'pull', 'data', 'save'] as const;
const operation = fc.record({ kind: fc.constantFrom(...KINDS), path, value: plainValue });
type Operation = typeof operation extends fc.Arbitrary<infer Type> ? Type : never;

export const pathProperties = (world: World): FuzzProperty[] =>
  IN_PROCESS.map((place) =>
    fuzzProperty(
      {
        title: `Any path leads to what was set there, through own members alone, and pollutes nothing: ${place.name}`,
        share: SHARES[place.kind],
        place: place.name,
      },
      [fc.array(operation, { minLength: 1, maxLength: 12 })],
      async (operations) => {
        const { sessions } = await world.place(place);
        await withSession(sessions, structuredClone(BEGIN), ({ id }) =>
          leadThere(sessions, id, operations, new Model(BEGIN, isSealing(place))),
        );
      },
    ),
  );

const BEGIN = { list: ['x', { a: 1 }], a: { b: {} } };

/** What is refused; a marker, as nothing is a value too. */
const REFUSED = Symbol('refused');

async function leadThere(
  sessions: SessionService,
  id: string,
  operations: readonly Operation[],
  model: Model,
): Promise<void> {
  const working = (await sessions.find(id)) ?? assert.fail('the session is gone');
  for (const { kind, path: where, value } of operations) {
    const outcome = await outcomeOf(async () => {
      if (kind === 'set') return void working.set(where, structuredClone(value));
      if (kind === 'save') return working.save();
      if (kind === 'data') return structuredClone({ ...working.data });
      const read = (working[kind] as (path: string) => unknown)(where);
      return typeof read === 'object' ? structuredClone(read) : read;
    });
    const expected = model.do(kind, where, value);
    if (expected === REFUSED) {
      const { error } = outcome;
      assert.ok(error instanceof SessionArgumentError || error instanceof SessionDataError, String(error));
      // What was refused at the store may stand in the data, as the application has written it.
      if (kind === 'save') return;
      continue;
    }
    if (outcome.error !== undefined) throw outcome.error;
    if (kind !== 'set' && kind !== 'save') assert.deepEqual(said(outcome.value), said(expected));
  }
  const saving = await outcomeOf(() => working.save());
  if (model.isStorable) {
    if (saving.error !== undefined) throw saving.error;
    assert.deepEqual(said({ ...(await sessions.find(id))?.data }), said(model.document()));
  } else assert.ok(saving.error instanceof SessionDataError, String(saving.error));
}

/** As JSON text, where JSON has a word for it. */
const said = (value: unknown): string | undefined => JSON.stringify(sorted(value));
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).map(([key, item]) => [key, sorted(item)] as const);
  return Object.fromEntries(members.sort(([one], [other]) => (one < other ? -1 : 1)));
}

type Node = Map<string, unknown> | unknown[];

/** What paths do, written anew over maps, which have no prototype to pollute. */
class Model {
  readonly #root: Map<string, unknown>;
  readonly #isSealing: boolean;

  constructor(begin: object, isSealing: boolean) {
    this.#root = nodesOf(begin) as Map<string, unknown>;
    this.#isSealing = isSealing;
  }

  get isStorable(): boolean {
    const document = this.document();
    if (!this.#isSealing && Object.values(document).some(isLikeSealed)) return false;
    return kept(document, -1) !== null && Buffer.byteLength(JSON.stringify(document)) < 32_768;
  }

  document(): Record<string, unknown> {
    return plainOf(this.#root) as Record<string, unknown>;
  }

  do(kind: (typeof KINDS)[number], path: string, value: unknown): unknown {
    if (kind === 'save') return this.isStorable ? undefined : REFUSED;
    if (kind === 'data') return this.document();
    if (path === '') return REFUSED;
    const segments = path.split('.');
    if (kind === 'set') return path.startsWith('$') ? REFUSED : this.#set(segments, value);
    const found = this.#get(segments);
    if (kind === 'has') return found !== undefined;
    const isThere = kind === 'get' ? false : this.#delete(segments);
    return kind === 'delete' ? isThere : plainOf(found);
  }

  #get(segments: readonly string[]): unknown {
    return segments.reduce<unknown>((node, segment) => (isNode(node) ? member(node, segment) : undefined), this.#root);
  }

  #set(segments: readonly string[], value: unknown): unknown {
    if (segments.length > 65) return REFUSED;
    // Tried first, as a refusal changes nothing.
    let node: unknown = this.#root;
    for (const segment of segments) {
      if (node === undefined || node === null) break;
      if (!isNode(node) || !hasRoom(node, segment)) return REFUSED;
      node = member(node, segment);
    }
    let at: Node = this.#root;
    for (const segment of segments.slice(0, -1)) {
      const next = member(at, segment) ?? new Map<string, unknown>();
      put(at, segment, next);
      at = next as Node;
    }
    put(at, segments.at(-1) as string, nodesOf(value));
    return undefined;
  }

  #delete(segments: readonly string[]): boolean {
    const node = this.#get(segments.slice(0, -1));
    const last = segments.at(-1) as string;
    if (!isNode(node) || member(node, last) === undefined) return false;
    if (!Array.isArray(node)) return node.delete(last);
    if (!isIndex(last)) return false;
    node.splice(Number(last), 1);
    return true;
  }
}

const isNode = (value: unknown): value is Node => value instanceof Map || Array.isArray(value);
const isIndex = (segment: string): boolean =>
  String(Number.parseInt(segment, 10)) === segment && !segment.startsWith('-');
const hasRoom = (node: Node, segment: string): boolean =>
  !Array.isArray(node) || (isIndex(segment) && Number(segment) <= node.length);

function member(node: Node, segment: string): unknown {
  if (!Array.isArray(node)) return node.get(segment);
  if (segment === 'length') return node.length;
  return isIndex(segment) ? node[Number(segment)] : undefined;
}

function put(node: Node, segment: string, value: unknown): void {
  if (Array.isArray(node)) node[Number(segment)] = value;
  else node.set(segment, value);
}

function nodesOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(nodesOf);
  if (typeof value !== 'object' || value === null) return value;
  return new Map(Object.entries(value).map(([key, item]) => [key, nodesOf(item)]));
}

function plainOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plainOf);
  if (!(value instanceof Map)) return value;
  return Object.fromEntries([...(value as Map<string, unknown>)].map(([key, item]) => [key, plainOf(item)]));
}
