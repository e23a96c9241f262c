import { beforeEach, describe, expect, it } from '@jest/globals';
import { SessionDataError } from '../../../lib/session.errors.js';
import { idOf, TestSessions } from './sessions.js';

type Open = Awaited<ReturnType<TestSessions['open']>>;
// oxlint-disable-next-line typescript/no-explicit-any -- data of any shape
type Data = any;

const A = { id: 'a', n: 1 };
const B = { id: 'b', n: 1 };

describe('Parts of the data that a handler holds', () => {
  let sessions: TestSessions;
  let cookie: string;
  let session: Open;
  let held: Data;

  beforeEach(async () => {
    sessions = new TestSessions();
    cookie = await sessions.begun({ n: 1, cart: { items: [], of: { whom: 'ada' } }, list: [A, B] }, 'ada');
    session = await sessions.open(cookie);
    held = { ...session.data };
  });
  const stored = async (): Promise<Data> => {
    await session.settle(true);
    return sessions.store.dataOf(idOf(cookie));
  };
  /** What a parallel request does. */
  const elsewhere = async (change: (data: Data) => void): Promise<void> => {
    const other = await sessions.open(cookie);
    await other.update(change);
  };
  const readings: [string, () => Promise<unknown>][] = [
    ['update()', () => session.update((data) => void (data['other'] = 1))],
    ['reload()', () => session.reload()],
  ];

  describe.each(readings)('over %s', (_name, read) => {
    it('go on being part of it where they are the same', async () => {
      await read();
      held.cart.items.push('book');
      expect(await stored()).toMatchObject({ cart: { items: ['book'] } });
    });

    it('say what a parallel request has changed, and go on', async () => {
      await elsewhere((data) => void (data.cart.items.push('lamp'), (data.cart.of.whom = 'ada and bob')));
      await read();
      expect(held.cart).toEqual({ items: ['lamp'], of: { whom: 'ada and bob' } });
      held.cart.items.push('book');
      held.cart.of.at = 'home';
      expect(await stored()).toMatchObject({
        cart: { items: ['lamp', 'book'], of: { whom: 'ada and bob', at: 'home' } },
      });
    });

    it('go on where they were written to before', async () => {
      held.cart.items.push('book');
      const reading = read();
      held.cart.items.push('lamp');
      await reading;
      held.cart.items.push('mug');
      expect((await stored()).cart.items).toEqual(['book', 'lamp', 'mug']);
    });

    it('are the item of a list that they were, wherever that has moved', async () => {
      const [, b] = held.list;
      await elsewhere((data) => void data.list.shift());
      await read();
      b.n = 2;
      expect((await stored()).list).toEqual([{ id: 'b', n: 2 }]);
    });

    it('are no other item of a list where theirs is gone', async () => {
      const [a] = held.list;
      await elsewhere((data) => void data.list.shift());
      await read();
      a.n = 2;
      expect((await stored()).list).toEqual([B]);
    });

    it('may be at two places, which are not mixed up where they differ then', async () => {
      session.set('one', held.cart).set('two', held.cart);
      await session.save();
      await elsewhere((data) => void ((data.one = { items: [1] }), (data.two = { items: [2] })));
      await read();
      expect(await stored()).toMatchObject({ one: { items: [1] }, two: { items: [2] }, cart: { items: [] } });
    });

    it.each([
      ['frozen', (cart: Data) => void Object.freeze(cart)],
      ['with a frozen list in it', (cart: Data) => void Object.freeze(cart.items)],
      [
        'with a getter',
        (cart: Data) =>
          void Object.defineProperty(cart, 'items', { get: () => [], configurable: false, enumerable: true }),
      ],
    ])('leave the data as it is stored where they cannot be changed: %s', async (_, spoil) => {
      spoil(held.cart);
      await elsewhere((data) => void data.cart.items.push('lamp'));
      await read();
      expect(session.toJSON()).toMatchObject({ cart: { items: ['lamp'] } });
      expect(await stored()).toMatchObject({ cart: { items: ['lamp'] } });
    });
  });

  it('go on after an update() of theirs', async () => {
    await session.update((data: Data) => void data.cart.items.push('exact'));
    held.cart.note = 'gift';
    expect(await stored()).toMatchObject({ cart: { items: ['exact'], note: 'gift' } });
  });

  it('go on after push() while an update() was under way', async () => {
    const updating = session.update((data) => void (data['n'] = 2));
    session.push('list', 2);
    await updating;
    held.list.push(3);
    expect((await stored()).list).toEqual([A, B, 2, 3]);
  });

  it('go on after an update() that has failed', async () => {
    await session
      .update(() => {
        throw new Error('no');
      })
      .catch(() => {});
    held.cart.items.push('book');
    expect(await stored()).toMatchObject({ cart: { items: ['book'] } });
  });

  it('are at one place from then on, where they were at two that say the same', async () => {
    session.set('one', held.cart);
    await session.save();
    await session.update((data) => void (data['other'] = 1));
    (session.data as Data).one.items.push('book');
    expect(await stored()).toMatchObject({ one: { items: ['book'] }, cart: { items: [] } });
  });

  it.each<[string, (session: Open) => unknown, Data]>([
    ['by set()', (one) => one.set('made.note', 'x'), { note: 'x', n: 1 }],
    ['by set() further down', (one) => one.set('made.a.b', 'x'), { a: { b: 'x' }, n: 1 }],
    ['by push()', (one) => one.push('made', 'x'), ['x', 1]],
    ['by update()', (one) => one.update((data: Data) => void (data.made = {})), { n: 1 }],
  ])('go on where the session has made them on the way: %s', async (_, make, made) => {
    await make(session);
    const part: Data = session.get('made');
    const add = (to: Data): unknown => (Array.isArray(to) ? to.push(1) : (to.n = 1));
    await session.update((data: Data) => void add(data.made));
    expect(part).toEqual(made);
    if (Array.isArray(part)) part.push('more');
    else part.more = 1;
    expect((await stored()).made).toEqual(Array.isArray(made) ? [...made, 'more'] : { ...made, more: 1 });
  });

  it('stay as they are where they have been put under another key, which is read anew', async () => {
    session.set('other', { o: { p: 1 } });
    await session.save();
    session.set('other.o', session.get('cart.of'));
    const reloading = session.reload();
    session.set('cart.n', 1);
    await reloading;
    expect(session.get('cart')).toEqual({ items: [], of: { whom: 'ada' }, n: 1 });
  });
});

describe('An update() while something is written that cannot be stored', () => {
  const SYMBOL = Symbol('no key of JSON');

  it.each<[string, (session: Open) => unknown]>([
    ['by set()', (session) => session.set('at', new Date(0) as never)],
    [
      'by set(), where parts are held',
      (session) => ((session.data as Data).n, session.set('at', new Date(0) as never)),
    ],
    ['in place', (session) => ((session.data as Data).at = () => {})],
    ['under a symbol', (session) => ((session.data as Data)[SYMBOL] = 1)],
  ])('is done, and says so, and the next commit refuses that: %s', async (_, write) => {
    const sessions = new TestSessions();
    const cookie = await sessions.begun({ stock: 2, n: 1 });
    const session = await sessions.open(cookie);
    const updating = session.update((data: Data) => void (data.stock -= 1));
    session.set('n', 5);
    write(session);
    await updating;
    expect(await sessions.store.dataOf(idOf(cookie))).toEqual({ stock: 1, n: 1 });
    await expect(session.save()).rejects.toThrow(SessionDataError);
    await session.settle(true);
    expect(await sessions.store.dataOf(idOf(cookie))).toEqual({ stock: 1, n: 5 });
  });

  it('adds to what it has done what was added meanwhile', async () => {
    const sessions = new TestSessions();
    const cookie = await sessions.begun({ n: 1, list: [1] });
    const session = await sessions.open(cookie);
    const updating = session.update((data: Data) => void ((data.n += 10), data.list.push(2)));
    session.increment('n', 1);
    session.push('list', 3);
    session.set('at', new Date(0) as never);
    await updating;
    await expect(session.save()).rejects.toThrow(SessionDataError);
    const other = await sessions.open(cookie);
    other.increment('n', 100);
    await other.settle(true);
    await session.settle(true);
    expect(await sessions.store.dataOf(idOf(cookie))).toEqual({ n: 112, list: [1, 2, 3] });
  });
});
