import { beforeEach, describe, expect, it } from '@jest/globals';
import { SessionDataError } from '../../../lib/session.errors.js';
import { idOf, TestSessions } from './sessions.js';

type Open = Awaited<ReturnType<TestSessions['open']>>;
// oxlint-disable-next-line typescript/no-explicit-any -- data of any shape
type Data = any;

let sessions: TestSessions;
let cookie: string;
let session: Open;
let other: Open;

beforeEach(async () => {
  sessions = new TestSessions();
  cookie = await sessions.begun({ n: 1, list: ['a'], cart: { items: [] } });
  session = await sessions.open(cookie);
  other = await sessions.open(cookie);
});
const stored = () => sessions.store.dataOf(idOf(cookie));

describe('Additions that are made while an update() is under way, and do not fit what is stored by then', () => {
  const toText = (data: Data): void => void Object.assign(data, { n: 'text', list: 'text' });
  const updates: [string, () => Promise<unknown>][] = [
    ['by its function', () => session.update(toText)],
    ['by another request', () => Promise.all([other.update(toText), session.update(() => {})])],
  ];
  const holdings: [string, () => unknown][] = [
    ['is not held', () => null],
    ['is held', () => session.data],
  ];
  describe.each(updates)('%s', (_by, update) => {
    it.each(holdings)('fail no update(), and are refused by the next commit, where the data %s', async (_how, hold) => {
      hold();
      const updating = update();
      session.increment('n', 0.1);
      session.increment('n', 0.2);
      session.increment('m');
      session.push('list', 'x');
      session.push('seen', 'x');
      await updating;
      expect(session.toJSON()).toMatchObject({ n: 1 + 0.1 + 0.2, m: 1, list: ['a', 'x'], seen: ['x'] });
      await expect(session.settle(true)).rejects.toThrow(/^(increment\("n"\)|push\("list"\)) met a string/);
      expect(await stored()).toEqual({ n: 'text', list: 'text', cart: { items: [] } });
    });

    it.each(holdings)('are dropped alone once the handler knows, where the data %s', async (_how, hold) => {
      hold();
      const updating = update();
      session.increment('m');
      session.increment('n');
      session.push('seen', 'x');
      await updating;
      await expect(session.save()).rejects.toThrow(SessionDataError);
      session.set('told', true);
      await session.settle(true);
      expect(await stored()).toEqual({ n: 'text', list: 'text', cart: { items: [] }, m: 1, seen: ['x'], told: true });
    });
  });

  it('are refused where nothing was there before', async () => {
    const updating = session.update((data: Data) => void (data.m = 'text'));
    session.increment('m');
    await updating;
    expect(session.get('m')).toBe(1);
    await expect(session.settle(true)).rejects.toThrow('increment("m") met a string');
  });
});

describe('What an application puts into a session while an update() is under way', () => {
  const updates: [string, () => Promise<unknown>][] = [
    ['of something else', () => session.update((data: Data) => void (data.u = 1))],
    ['of the same', () => session.update((data: Data) => void (data.cart = { items: ['of the update'] }))],
    ['that changes nothing', () => session.update(() => {})],
  ];
  describe.each(updates)('%s', (_of, update) => {
    it.each<[string, (cart: Data) => unknown]>([
      ['by set()', (cart) => session.set('cart', cart)],
      ['by assignment', (cart) => ((session.data as Data).cart = cart)],
      [
        'below something',
        (cart) => ((session.data as Data).cart = { ...cart, of: { first: cart }, items: cart.items }),
      ],
    ])('is part of it still: %s', async (_how, put) => {
      const cart = { items: ['pen'] };
      const updating = update();
      put(cart);
      await updating;
      cart.items.push('book');
      await session.settle(true);
      expect(await stored()).toMatchObject({ cart: { items: ['pen', 'book'] } });
    });

    it('is part of it still where it was there before, and is changed meanwhile', async () => {
      const cart = { items: ['pen'] };
      session.set('cart', cart);
      const updating = update();
      cart.items.push('ink');
      await updating;
      cart.items.push('book');
      await session.settle(true);
      expect(await stored()).toMatchObject({ cart: { items: ['pen', 'ink', 'book'] } });
    });

    it('is part of it still as an item of a list', async () => {
      const item = { id: 1, amount: 1 };
      const updating = update();
      session.push('items', item);
      await updating;
      item.amount = 2;
      await session.settle(true);
      expect(await stored()).toMatchObject({ items: [{ id: 1, amount: 2 }] });
    });

    it('is part of it still as a list that is pushed to', async () => {
      const log: string[] = [];
      const updating = update();
      session.set('log', log);
      session.push('log', 'in');
      await updating;
      log.push('out');
      await session.settle(true);
      expect(await stored()).toMatchObject({ log: ['in', 'out'] });
    });

    it('is what it was, and so is what the handler holds of the session', async () => {
      const { cart } = session.data as Data;
      const updating = update();
      cart.items.push('ink');
      await updating;
      expect((session.data as Data).cart).toBe(cart);
      cart.items.push('book');
      await session.settle(true);
      expect(await stored()).toMatchObject({ cart: { items: ['ink', 'book'] } });
    });
  });

  it('is not changed by the next update()', async () => {
    const shared = { items: ['pen'] };
    const updating = session.update(() => {});
    session.set('cart', shared);
    session.push('carts', shared);
    await updating;
    await session.update((data: Data) => {
      data.cart.items.push('of one user');
      data.carts[0].items.push('of one user');
    });
    expect(shared).toEqual({ items: ['pen'] });
    expect(session.toJSON()).toMatchObject({ cart: { items: ['pen', 'of one user'] } });
  });
});
