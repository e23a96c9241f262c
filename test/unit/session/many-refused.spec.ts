import { expect, it } from '@jest/globals';
import type { ActiveSession } from '../../../lib/session/active-session.js';
import { SessionDataError } from '../../../lib/session.errors.js';
import { TestSessions } from './sessions.js';

/** How many errors about data are made meanwhile: each takes a stack trace, which thousands of would block the process. */
async function errorsMade(act: () => Promise<unknown>): Promise<number> {
  const Base = Object.getPrototypeOf(SessionDataError) as new (...args: unknown[]) => Error;
  let made = 0;
  class Counted extends Base {
    constructor(...args: unknown[]) {
      super(...args);
      made += 1;
    }
  }
  Object.setPrototypeOf(SessionDataError, Counted);
  try {
    await act();
  } finally {
    Object.setPrototypeOf(SessionDataError, Base);
  }
  return made;
}

const ignored = (): void => {};
const put = (session: ActiveSession, keys: readonly string[], value: unknown): void =>
  void Object.assign(session.data, Object.fromEntries(keys.map((key) => [key, value])));
const BAD: [string, (session: ActiveSession, names: readonly string[]) => unknown][] = [
  ['values', (session, names) => put(session, names, '\ud800')],
  ['objects', (session, names) => put(session, names, { at: new Date(0) })],
  [
    'getters that throw',
    (session, names) => put(session, names, Object.defineProperty({}, 'a', { get: thrown, enumerable: true })),
  ],
  [
    'names',
    (session, names) =>
      put(
        session,
        names.map((name) => `${name}\0`),
        1,
      ),
  ],
  ['items that were pushed', (session, names) => names.forEach((name) => session.push(name, new Date(0)))],
  [
    'sums out of range',
    (session, names) => names.forEach((name) => (session.set(name, 1e308), session.increment(name, 1e308))),
  ],
];
const thrown = (): never => {
  throw new Error('a getter');
};
const HOW: [string, (session: ActiveSession) => Promise<unknown>][] = [
  ['the end of the request', async () => {}],
  ['save()', (session) => session.save().catch(ignored)],
  ['update()', (session) => session.update(ignored).catch(ignored)],
  ['login()', (session) => session.login('ada').catch(ignored)],
];

it.each(HOW.flatMap(([how, act]) => BAD.map(([bad, write]) => [how, bad, act, write] as const)))(
  '%s makes as few errors of many %s that cannot be stored as of two',
  async (_how, _bad, act, write) => {
    const made = async (count: number): Promise<number> => {
      const sessions = new TestSessions();
      const session = await sessions.open(await sessions.begun());
      write(
        session,
        Array.from({ length: count }, (_, n) => `key${n}`),
      );
      return errorsMade(async () => {
        await act(session);
        await session.settle(true)?.catch(ignored);
      });
    };
    const few = await made(2);
    expect(few).toBeGreaterThan(0);
    expect(await made(200)).toBe(few);
  },
);

it('what is written while an update() is under way is put aside without an error for each key', async () => {
  const made = async (count: number): Promise<number> => {
    const sessions = new TestSessions();
    const session = await sessions.open(await sessions.begun());
    return errorsMade(async () => {
      const updating = session.update((data) => Object.assign(data, { n: 2 }));
      put(
        session,
        Array.from({ length: count }, (_, n) => `key${n}`),
        '\ud800',
      );
      await updating;
      await session.settle(true)?.catch(ignored);
    });
  };
  expect(await made(200)).toBe(await made(2));
});
