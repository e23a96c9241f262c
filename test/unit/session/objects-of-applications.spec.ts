import { beforeEach, describe, expect, it } from '@jest/globals';
import { SessionStoreUnavailableError } from '../../../lib/session.errors.js';
import { idOf, TestSessions } from './sessions.js';

type Open = Awaited<ReturnType<TestSessions['open']>>;
// oxlint-disable-next-line typescript/no-explicit-any -- data of any shape
type Data = any;

const changed = (data: Data): void => {
  data.cart.items.push('of ada');
  data.cart.of = { whom: 'ada' };
};

describe('What an application puts into a session', () => {
  let sessions: TestSessions;
  let cookie: string;
  let session: Open;
  /** As a constant of the application, or a record in its memory: it is there for all requests. */
  let shared: Data;

  beforeEach(async () => {
    sessions = new TestSessions();
    cookie = await sessions.begun({ cart: { items: ['of ada'], of: { whom: 'ada' } } }, 'ada');
    session = await sessions.open(cookie);
    shared = { items: [], of: { whom: 'nobody' } };
  });

  const puttings: [string, (value: Data) => unknown][] = [
    ['by set()', (value) => session.set('cart', value)],
    ['by set() below', (value) => session.set('cart.more', value)],
    ['by assignment', (value) => ((session.data as Data).cart = value)],
    ['by assignment below', (value) => ((session.data as Data).cart.more = value)],
    ['into a list', (value) => (session.data as Data).cart.items.unshift(value)],
    ['by push()', (value) => session.push('list', value)],
  ];
  const other = (data: Data): void => {
    data.cart = { items: ['of ada', 'and more'], of: { whom: 'ada' }, more: { items: ['of ada'] } };
    data.list = [{ items: ['of ada'] }];
  };
  const readings: [string, () => unknown][] = [
    ['a 500', () => session.settle(false)],
    ['update()', () => session.update(other as never)],
    ['a second update()', () => session.update(() => {}).then(() => session.update(other as never))],
    ['update() after save()', () => session.save().then(() => session.update(other as never))],
    [
      'reload()',
      async () => {
        await (await sessions.open(cookie)).update(other as never);
        await session.reload();
      },
    ],
    [
      'reload() after save()',
      async () => {
        await session.save();
        await (await sessions.open(cookie)).update(other as never);
        await session.reload();
      },
    ],
    [
      'a logout() that fails',
      async () => {
        sessions.store.fail('delete', new SessionStoreUnavailableError('end a session'));
        await session.logout().catch(() => {});
      },
    ],
  ];
  describe.each(puttings)('%s', (_put, put) => {
    it.each(readings)('is not changed by %s', async (_read, read) => {
      put(shared);
      await read();
      expect(shared).toEqual({ items: [], of: { whom: 'nobody' } });
    });
  });

  it('is part of it, and changed in place by what the application calls for', async () => {
    const list: string[] = [];
    session.set('cart', shared).set('list', list);
    session.set('cart.of.whom', 'ada');
    session.push('list', 'of ada');
    expect([shared.of, list]).toEqual([{ whom: 'ada' }, ['of ada']]);
    await session.settle(true);
    expect(await sessions.store.dataOf(idOf(cookie))).toEqual({ cart: { items: [], of: { whom: 'ada' } }, list });
  });

  it('is part of it as long as it says what is stored', async () => {
    session.set('cart', shared);
    await session.save();
    await session.update((data: Data) => void (data.other = 1));
    shared.items.push('book');
    await session.settle(true);
    expect(await sessions.store.dataOf(idOf(cookie))).toMatchObject({ cart: { items: ['book'] }, other: 1 });
  });

  it('is that no more once something else is stored', async () => {
    session.set('cart', shared);
    await session.update(changed as never);
    expect(session.get('cart')).toEqual({ items: ['of ada'], of: { whom: 'ada' } });
    shared.items.push('book');
    await session.settle(true);
    expect(await sessions.store.dataOf(idOf(cookie))).toEqual({ cart: { items: ['of ada'], of: { whom: 'ada' } } });
  });

  it('is still the application’s where it is of another session', async () => {
    const other = await sessions.open(await sessions.begun({ n: 1 }));
    other.set('cart', session.get('cart'));
    await other.update((data: Data) => void data.cart.items.push('of the other'));
    await session.settle(true);
    expect(await sessions.store.dataOf(idOf(cookie))).toEqual({ cart: { items: ['of ada'], of: { whom: 'ada' } } });
  });
});
