import { beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ActiveSession } from '../../../lib/session/active-session.js';
import { SessionDataError } from '../../../lib/session.errors.js';
import { idOf, TestSessions } from './sessions.js';

// oxlint-disable-next-line typescript/no-explicit-any -- data of any shape
type Data = any;

const bad = (): never => new Date(0) as never;

describe('A key that was refused, with an error to the handler', () => {
  let sessions: TestSessions;
  let cookie: string;
  let session: ActiveSession;

  beforeEach(async () => {
    sessions = new TestSessions();
    cookie = await sessions.begun({ n: 1, text: 'a', list: [] });
    session = await sessions.open(cookie);
  });
  const stored = () => sessions.store.dataOf(idOf(cookie));
  const refused = (running: Promise<unknown>) => expect(running).rejects.toThrow(SessionDataError);

  describe('is refused again once it was mended, and all was stored', () => {
    const storing: [string, () => Promise<unknown> | null][] = [
      ['save()', () => session.save()],
      ['update()', () => session.update((data: Data) => void (data.u = 1))],
      ['login()', () => session.login('ada')],
    ];
    describe.each(storing)('by %s', (_how, store) => {
      it.each<[string, () => unknown]>([
        ['replaced', () => session.set('a', 'mended')],
        ['removed', () => session.delete('a')],
        ['discarded', () => session.discard()],
      ])('where it was %s', async (_mend, mend) => {
        await refused(session.set('a', bad()).save());
        mend();
        await store();
        session.set('a', bad());
        await expect(session.settle(true)).rejects.toThrow('"a"');
      });

      it('where it was too large', async () => {
        await refused(session.set('a', 'x'.repeat(2_000)).save());
        session.set('a', 'mended');
        await store();
        session.set('a', 'x'.repeat(2_000));
        await expect(session.settle(true)).rejects.toThrow(SessionDataError);
      });
    });

    it('where nothing else was to be stored, and no session was there', async () => {
      session = await sessions.open();
      await refused(session.set('a', bad()).save());
      session.delete('a');
      await session.save();
      session.set('a', bad());
      await expect(session.settle(true)).rejects.toThrow('"a"');
    });
  });

  it.each<[string, () => unknown]>([
    ['answers', () => {}],
    ['gives it another credential', () => session.regenerate()],
    ['writes something else', () => session.set('late', 1)],
    ['tries again, to no avail', () => refused(session.save())],
    ['is refused something else', () => refused(session.set('b', bad()).save())],
  ])('is dropped at the end, and all else stored, where the handler %s', async (_what, act) => {
    await refused(session.set('n', 2).set('a', bad()).save());
    await act();
    await session.settle(true);
    expect(await stored()).toMatchObject({ n: 2 });
    expect(session.has('a')).toBe(false);
  });

  it('is dropped at the end where the store refused it, and something else was refused after it', async () => {
    session.increment('n');
    await sessions.store.update(idOf(cookie), null, () => ({
      data: { set: new Map([['n', '"text"']]), unset: [], increment: new Map(), push: new Map() },
      lifetime: null,
      renew: false,
    }));
    await refused(session.save());
    await refused(session.set('b', bad()).save());
    await session.settle(true);
    expect(await stored()).toEqual({ n: 'text', text: 'a', list: [] });
  });

  describe('takes no other key along, which is refused once it cannot be stored', () => {
    it.each<[string, () => Promise<unknown>]>([
      ['by its value', () => session.set('a', bad()).save()],
      ['by an item', () => (session.push('items', bad()), session.save())],
      ['by the store', () => (session.increment('n', 1), session.increment('n', 1), session.save())],
      ['by the snapshot of a login()', () => session.login('ada', { big: 'x'.repeat(2_000) })],
      ['by a login()', () => session.set('a', bad()).login('ada')],
    ])('%s', async (how, run) => {
      session.push('list', 'good');
      session.set('text', 'b');
      if (how === 'by the store') {
        await (await sessions.open(cookie)).update((data: Data) => void (data.n = 'text'));
      }
      await refused(run());
      session.push('list', bad());
      await expect(session.settle(true)).rejects.toThrow('"list.1"');
      expect(await stored()).toMatchObject({ text: 'a', list: [] });
    });
  });
});

const BAD: readonly unknown[] = [
  new Date(0),
  new Map(),
  1n,
  Number.NaN,
  () => 1,
  [undefined],
  { a: new Date(0) },
  'a\0',
];
const KEYS = ['k0', 'k1', 'k2'] as const;
const STEP = fc.record({
  name: fc.constantFrom('set', 'bad', 'bad in place', 'delete', 'save', 'update', 'login', 'regenerate'),
  key: fc.constantFrom(...KEYS),
  bad: fc.constantFrom(...BAD),
});

describe('What cannot be stored', () => {
  it.each([true, false])(
    'is refused once, and dropped at the end by who knows, whatever was done before (stored: %s)',
    async (isStored) => {
      const property = fc.asyncProperty(fc.array(STEP, { maxLength: 9 }), async (steps) => {
        const sessions = new TestSessions();
        const session = await sessions.open(isStored ? await sessions.begun({ k0: 0 }) : undefined);
        const expected: Data = isStored ? { k0: 0 } : {};
        const isBad = new Set<string>();
        const isKnown = new Set<string>();
        for (const [n, { name, key, bad: value }] of steps.entries()) {
          if (name === 'set') session.set(key, n as never);
          else if (name === 'bad') session.set(key, value as never);
          else if (name === 'bad in place') (session.data as Data)[key] = { of: value };
          else if (name === 'delete') session.delete(key);
          if (name.startsWith('bad')) isBad.add(key);
          if (name === 'set' || name === 'delete') isBad.delete(key);
          if (name === 'set') expected[key] = n;
          if (name === 'delete') delete expected[key];
          if (name === 'regenerate') await session.regenerate();
          const operation = {
            save: () => session.save(),
            update: () => session.update((data: Data) => void (data.u = n)),
            login: () => session.login('ada'),
          }[name as string];
          if (operation === undefined) continue;
          if (isBad.size === 0) {
            await operation();
            isKnown.clear();
            continue;
          }
          await expect(operation()).rejects.toThrow(SessionDataError);
          for (const one of isBad) isKnown.add(one);
        }
        const isToFail = [...isBad].some((key) => !isKnown.has(key));
        const failure = await Promise.resolve(session.settle(true)).catch((error: unknown) => error);
        expect(failure instanceof SessionDataError).toBe(isToFail);
        if (isToFail) return;
        const row = await sessions.store.find(session.id);
        const data = JSON.parse(row?.data ?? '{}') as Data;
        const good = KEYS.filter((key) => !isBad.has(key));
        expect([session.toJSON(), good.map((key) => data[key])]).toEqual([data, good.map((key) => expected[key])]);
      });
      await fc.assert(property, { seed: 18, numRuns: 1_000 });
    },
  );
});
