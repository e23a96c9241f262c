import { beforeEach, describe, expect, it } from '@jest/globals';
import { SessionDataError, SessionGoneError, SessionStoreUnavailableError } from '../../../lib/session.errors.js';
import { idOf, TestSessions } from './sessions.js';

type Open = Awaited<ReturnType<TestSessions['open']>>;

const down = new SessionStoreUnavailableError('reach the database');
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
/** What cannot be stored, by its value and by the size of all. */
const bad: [string, unknown][] = [
  ['a Date', new Date(0)],
  ['a NUL', 'a\0b'],
  ['too much', 'x'.repeat(2_000)],
];

let sessions: TestSessions;
let cookie: string;
let session: Open;

beforeEach(async () => {
  sessions = new TestSessions();
  cookie = await sessions.begun({ n: 1 }, 'ada');
  session = await sessions.open(cookie);
});
const stored = () => sessions.store.dataOf(idOf(cookie));
const end = () => sessions.store.delete(idOf(cookie), null);

describe('A save() that is refused, and that nobody waits for', () => {
  it.each(bad)('fails the end of the request, which stores nothing: %s', async (_what, value) => {
    for (const wait of [turn, () => Promise.resolve()]) {
      const one = await sessions.open(cookie);
      one.set('at', value as never).set('ok', 1);
      void one.save();
      await wait();
      one.set('late', 1);
      await expect(one.settle(true)).rejects.toThrow(SessionDataError);
      expect([one.toJSON(), one.settle(true)]).toEqual([{ n: 1 }, null]);
    }
    expect(await stored()).toEqual({ n: 1 });
  });

  it.each(bad)('does not have the same dropped that is written once that has failed: %s', async (_what, value) => {
    session.set('at', value as never);
    void session.save();
    await expect(session.settle(true)).rejects.toThrow(SessionDataError);
    session.set('at', value as never);
    await expect(session.settle(true)).rejects.toThrow(SessionDataError);
  });

  it.each(bad)('fails nothing where it has a callback, or somebody waits for it later: %s', async (_what, value) => {
    session.set('at', value as never).set('n', 2);
    const refused = await new Promise((resolve) => session.save(resolve));
    expect(refused).toBeInstanceOf(SessionDataError);
    await session.settle(true);
    session.set('at', value as never);
    const saving = session.save();
    await turn();
    await expect(saving).rejects.toThrow(SessionDataError);
    session.set('late', 1);
    await session.settle(true);
    expect(await stored()).toMatchObject({ late: 1 });
  });

  it('is reported where no request can fail with it, and so is one that the store cannot do', async () => {
    session.isOnItsOwn = true;
    void session.set('at', new Date(0) as never).save();
    await turn();
    session.discard();
    sessions.store.fail('commit', down);
    void session.set('n', 2).save();
    await turn();
    expect(sessions.notAwaited).toEqual([expect.any(SessionDataError), down]);
  });

  it('is tried again at the end where the store could not do it', async () => {
    sessions.store.fail('commit', down);
    void session.set('n', 2).save();
    await turn();
    sessions.store.mend('commit');
    await session.settle(true);
    expect(await stored()).toEqual({ n: 2 });
  });
});

describe('An operation that is refused, and whose failure somebody handles', () => {
  const operations: [string, (value: unknown) => Promise<unknown>][] = [
    ['save()', (value) => session.set('at', value as never).save()],
    ['update() of what is written', (value) => session.set('at', value as never).update(() => {})],
    ['update() by its function', (value) => session.update((data) => void (data['at'] = value as never))],
    ['login()', (value) => session.set('at', value as never).login('ada')],
  ];
  describe.each(operations)('%s', (_operation, run) => {
    it.each(bad)('excuses nothing that is written while it is under way: %s', async (_what, value) => {
      const refused = run(value).catch((error: unknown) => error);
      session.set('late', new Date(0) as never);
      expect(await refused).toBeInstanceOf(SessionDataError);
      await expect(session.settle(true)).rejects.toThrow('"late"');
    });
  });
});

describe('An operation that finds the session gone, and that nobody waits for', () => {
  it.each<[string, () => unknown]>([
    ['save()', () => session.set('order', 1).save()],
    ['save() of a lifetime', () => session.setTtl('2h').save()],
    ['reload(), and something is written after it', () => void (session.reload(), session.set('order', 1))],
    ['reload(), and something is written once it has failed', () => turn().then(() => session.set('order', 1))],
  ])('fails the end of the request: %s', async (what, act) => {
    await end();
    if (what.endsWith('has failed')) void session.reload();
    const acting = act();
    if (what.startsWith('reload()')) await acting;
    await expect(session.settle(true)).rejects.toThrow(SessionGoneError);
    expect(session.settle(true)).toBeNull();
  });

  it.each<[string, () => unknown]>([
    ['save()', () => session.save()],
    ['reload()', () => session.reload()],
  ])('fails nothing where the request only reads: %s', async (_name, act) => {
    expect(session.get('n')).toBe(1);
    await end();
    void act();
    await session.settle(true);
    expect(session.get('n')).toBe(1);
  });

  it('fails nothing where somebody waits for it', async () => {
    await end();
    await expect(session.set('order', 1).save()).rejects.toThrow(SessionGoneError);
    await expect(session.reload()).rejects.toThrow(SessionGoneError);
    expect(session.set('late', 1).settle(true)).toBeNull();
  });
});
