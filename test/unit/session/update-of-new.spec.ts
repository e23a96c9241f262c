import { beforeEach, describe, expect, it } from '@jest/globals';
import { SessionDataError, SessionStoreUnavailableError } from '../../../lib/session.errors.js';
import { issued, TestSessions } from './sessions.js';

type Open = Awaited<ReturnType<TestSessions['open']>>;
// oxlint-disable-next-line typescript/no-explicit-any -- data of any shape
type Data = any;

const down = new SessionStoreUnavailableError('reach the database');
const addOne = (data: Data): void => void (data.u = (data.u ?? 0) + 1);

/** All that holds of a session that is stored holds of one that is not stored yet. */
describe.each([false, true])('An update() of a session (stored: %s)', (isStored) => {
  let sessions: TestSessions;
  let session: Open;

  beforeEach(async () => {
    sessions = new TestSessions();
    session = await sessions.open(isStored ? await sessions.begun({ n: 1 }) : undefined);
  });
  const stored = async () => (await sessions.store.find(session.id)) && sessions.store.dataOf(session.id);
  const n = isStored ? { n: 1 } : {};

  describe('that the store cannot do', () => {
    const failing = (run: () => Promise<unknown>): Promise<unknown> => {
      for (const method of ['create', 'update'] as const) sessions.store.fail(method, down);
      const running = run().catch((error: unknown) => error);
      return running.finally(() => (['create', 'update'] as const).forEach((method) => sessions.store.mend(method)));
    };

    it.each<[string, (update: () => Promise<unknown>) => Promise<unknown>]>([
      ['is not held', (update) => update()],
      ['is held', (update) => (session.data, update())],
    ])('changes nothing, where the data %s', async (_how, act) => {
      expect(await failing(() => act(() => session.update(addOne)))).toBe(down);
      expect([session.toJSON(), session.isModified]).toEqual([n, false]);
      await session.settle(true);
      expect(await stored()).toEqual(isStored ? n : null);
    });

    it('is done once where the handler tries again', async () => {
      await failing(() => session.update(addOne));
      await session.update(addOne);
      await session.settle(true);
      expect(await stored()).toEqual({ ...n, u: 1 });
    });

    it('leaves what is written meanwhile, and nothing else', async () => {
      const own = { items: ['pen'] };
      const failed = failing(() => session.update((data: Data) => void Object.assign(data, { u: 1, own: 'text' })));
      session.set('own', own).increment('count', 2);
      session.push('list', 'a');
      session.flash('info', 'x');
      expect(await failed).toBe(down);
      own.items.push('book');
      await session.settle(true);
      expect(session.flashes()).toHaveLength(1);
      await session.settle(true);
      expect(await stored()).toEqual({ ...n, own: { items: ['pen', 'book'] }, count: 2, list: ['a'] });
    });
  });

  it.each<[string, (data: Data) => void]>([
    ['too much', (data) => void (data.u = 'x'.repeat(2_000))],
    ['a Date', (data) => void (data.u = new Date(0))],
    ['a key of the library', (data) => void (data.$u = 1)],
  ])('that is refused stands in the way of nothing: %s', async (_what, change) => {
    await expect(session.update(change)).rejects.toThrow(SessionDataError);
    await session.update((data: Data) => void (data.small = 1));
    session.set('late', 1);
    await session.settle(true);
    expect(await stored()).toEqual({ ...n, small: 1, late: 1 });
  });

  it.each<[string, unknown]>([
    ['a Date', new Date(0)],
    ['a Map', new Map([[1, 2]])],
    ['NaN', Number.NaN],
    ['a function', () => 1],
    ['a bigint', 1n],
    ['an object with toJSON()', { toJSON: () => 'x' }],
    ['a NUL', 'a\0b'],
  ])('is done, and what is written meanwhile and cannot be stored is refused: %s', async (_what, value) => {
    const updating = session.update(addOne);
    session.set('bad', value as never);
    await updating;
    await expect(session.settle(true)).rejects.toThrow(/at "bad[".]/);
    expect(await stored()).toEqual({ ...n, u: 1 });
  });

  it('has what is written meanwhile done to what it has stored', async () => {
    const own = { items: ['pen'] };
    const { data } = session as Data;
    const updating = session.update((draft: Data) => {
      Object.assign(draft, { u: 1, count: 5, list: ['first'], own: 'text', gone: 1, kept: 1 });
    });
    session.set('own', own);
    data.inPlace = { a: 1 };
    session.increment('count', 2);
    session.push('list', 'a');
    session.flash('info', 'x');
    await updating;
    session.delete('gone');
    own.items.push('book');
    data.inPlace.b = 2;
    expect(session.data).toBe(data);
    await session.settle(true);
    expect(session.flashes()).toEqual([{ category: 'info', message: 'x' }]);
    await session.settle(true);
    expect(await stored()).toEqual({
      ...n,
      u: 1,
      count: 7,
      list: ['first', 'a'],
      own: { items: ['pen', 'book'] },
      kept: 1,
      inPlace: { a: 1, b: 2 },
    });
  });

  it('does not see what is written once it was called for, and does see what was written before', async () => {
    session.set('before', 1);
    const updating = session.update((data: Data) => Object.keys(data));
    session.set('after', 1);
    expect(await updating).toEqual([...Object.keys(n), 'before']);
  });

  it('that changes nothing stores nothing', async () => {
    expect(await session.update(() => 'result')).toBe('result');
    expect([session.isModified, await session.settle(true)]).toEqual([false, null]);
    expect(await stored()).toEqual(isStored ? n : null);
  });
});

describe('An update() of a session that is not stored yet', () => {
  it('changes nothing where it is called for once the headers are out', async () => {
    const tooLate = new Error('the headers are out');
    const assertReachable = (): void => {
      throw tooLate;
    };
    const session = await new TestSessions().open(undefined, { assertReachable });
    await expect(session.update(addOne)).rejects.toBe(tooLate);
    expect([session.toJSON(), session.settle(true)]).toEqual([{}, null]);
  });

  it('has later additions added to what others have made of it', async () => {
    const sessions = new TestSessions();
    const session = await sessions.open();
    await session.update(addOne);
    session.increment('u');
    const other = await sessions.open(issued(session));
    other.increment('u', 10);
    await other.settle(true);
    await session.settle(true);
    expect(await sessions.store.dataOf(session.id)).toEqual({ u: 12 });
  });
});
