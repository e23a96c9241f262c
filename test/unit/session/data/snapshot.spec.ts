import { describe, expect, it } from '@jest/globals';
import { Snapshot } from '../../../../lib/session/data/snapshot.js';

type Document = Record<string, unknown>;

const TEXT = JSON.stringify({
  name: 'Ada',
  count: 1,
  none: null,
  cart: { items: [{ sku: 'a', price: 1 }, ['x', 'y'], 'z'], note: '' },
  empty: {},
  list: [],
});

function parsed(): { document: Document; cart: { items: unknown[]; note?: string } & Document; list: unknown[] } {
  const document = Object.setPrototypeOf(JSON.parse(TEXT), null) as Document;
  return { document, cart: document['cart'] as never, list: document['list'] as never };
}

describe('Snapshot', () => {
  it('holds for data that was not touched', () => {
    const { document } = parsed();
    expect(new Snapshot(document).holds()).toBe(true);
  });

  it('holds for what was read, listed and written as JSON', () => {
    const { document, cart } = parsed();
    const snapshot = new Snapshot(document);
    for (const key of Object.keys(document)) void document[key];
    for (const item of cart.items) void item;
    JSON.stringify(document);
    expect(snapshot.holds()).toBe(true);
  });

  it('holds again for what was changed back', () => {
    const { document, cart } = parsed();
    const snapshot = new Snapshot(document);
    const last = cart.items.pop();
    expect(snapshot.holds()).toBe(false);
    cart.items.push(last);
    expect(snapshot.holds()).toBe(true);
  });

  it.each<[string, (what: ReturnType<typeof parsed>) => void]>([
    ['another value at the top', ({ document }) => void (document['count'] = 2)],
    ['another kind of value', ({ document }) => void (document['count'] = '1')],
    ['null in the place of a value', ({ document }) => void (document['name'] = null)],
    ['undefined in the place of null', ({ document }) => void (document['none'] = undefined)],
    ['a new key at the top', ({ document }) => void (document['new'] = 1)],
    ['a new key that is undefined', ({ document }) => void (document['new'] = undefined)],
    ['a key that is gone', ({ document }) => void delete document['list']],
    ['a key that was renamed', ({ cart }) => void (delete cart.note, (cart['remark'] = ''))],
    ['keys in another order', ({ document }) => void (delete document['name'], (document['name'] = 'Ada'))],
    ['another value below', ({ cart }) => void (cart.note = 'gift')],
    ['another value in an object in an array', ({ cart }) => void ((cart.items[0] as Document)['price'] = 2)],
    ['another item in an array in an array', ({ cart }) => void ((cart.items[1] as unknown[])[1] = 'Y')],
    ['a longer array', ({ cart }) => void cart.items.push('z')],
    ['a shorter array', ({ cart }) => void cart.items.pop()],
    ['an array in another order', ({ cart }) => void cart.items.reverse()],
    // oxlint-disable-next-line typescript/no-array-delete -- that is the case
    ['an item that became a hole', ({ cart }) => void delete cart.items[2]],
    ['an item in what was empty', ({ list }) => void list.push('a')],
    ['a key in what was empty', ({ document }) => void ((document['empty'] as Document)['a'] = 1)],
    ['an object in the place of an equal one', ({ document }) => void (document['empty'] = {})],
    ['an array in the place of an equal one', ({ document }) => void (document['list'] = [])],
    [
      'two objects that have changed places',
      ({ cart: { items } }) => void ([items[0], items[1]] = [items[1], items[0]]),
    ],
  ])('does not hold for %s', (_what, change) => {
    const what = parsed();
    const snapshot = new Snapshot(what.document);
    change(what);
    expect(snapshot.holds()).toBe(false);
  });

  it('does not hold for a key that is gone where nothing comes after it', () => {
    const document: Document = { a: 1, b: 2 };
    const snapshot = new Snapshot(document);
    delete document['b'];
    expect(snapshot.holds()).toBe(false);
  });

  it('knows a member named __proto__', () => {
    const document = JSON.parse('{ "a": { "__proto__": { "b": 1 } } }') as { a: Document };
    const snapshot = new Snapshot(document);
    expect(snapshot.holds()).toBe(true);
    (document.a['__proto__'] as Document)['b'] = 2;
    expect(snapshot.holds()).toBe(false);
  });
});
