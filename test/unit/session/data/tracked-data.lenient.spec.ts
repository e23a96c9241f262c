import { describe, expect, it } from '@jest/globals';
import { load } from './documents.js';

const sets = (document: ReturnType<typeof load>) => Object.fromEntries(document.changes()?.set ?? []);

const throws = (): never => {
  throw new Error('thrown by the proxy');
};

function revoked(target: object): object {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

describe('A key that is stored leniently', () => {
  it('is stored as what JSON makes of it', () => {
    const document = load('{"n":1}');
    document.makeLenient('at', false);
    document.data['at'] = new Date(0);
    expect([document.isChanged, sets(document)]).toEqual([true, { at: '"1970-01-01T00:00:00.000Z"' }]);
    expect(document.text()).toBe('{"n":1,"at":"1970-01-01T00:00:00.000Z"}');
    expect(document.data['at']).toEqual(new Date(0));
  });

  it('is alone in that, and is nothing where JSON makes nothing of it', () => {
    const document = load('{"n":1}');
    document.makeLenient('f', false);
    document.data['f'] = () => 1;
    expect([document.isChanged, document.changes()]).toEqual([false, null]);
    document.data['other'] = new Date(0);
    expect(() => document.changes()).toThrow('Session data at "other" is a Date');
  });

  it('is not stored where it is absent', () => {
    const document = load('{"n":1}');
    document.makeLenient('no', true);
    document.makeLenient('at', true);
    expect(document.text()).toBe('{"n":1}');
  });

  it.each<[unknown, boolean, object]>([
    [{}, true, {}],
    [{}, false, { flash: '{}' }],
    [{ a: 1 }, true, { flash: '{"a":1}' }],
    [[], true, { flash: '[]' }],
    ['', true, { flash: '""' }],
    [new (class Empty {})(), true, {}],
  ])('is as good as nothing where it is an empty object, and optional: %j, %p', (value, isOptional, stored) => {
    const document = load('{"n":1}');
    document.makeLenient('flash', isOptional);
    document.data['flash'] = value;
    expect(sets(document)).toEqual(stored);
  });

  // Whether it has changed is asked where an exception would end the process, as when a client has gone.
  it.each<[string, () => object]>([
    ['a proxy that is revoked', () => revoked({})],
    ['one of an array', () => revoked([])],
    ['a proxy that throws', () => new Proxy({}, { ownKeys: throws })],
  ])('has changed, and is refused, where there is %s, and it is optional', (_, make) => {
    const document = load('{"n":1}');
    document.makeLenient('flash', true);
    document.data['flash'] = make();
    expect(document.isChanged).toBe(true);
    expect(() => document.changes()).toThrow('which cannot be stored');
  });

  it('leaves flash messages where they are', () => {
    const document = load('{"n":1}');
    document.makeLenient('at', false);
    document.data['at'] = new Date(0);
    document.flash('info', 'hello');
    expect(Object.keys(JSON.parse(document.text()) as object)).toEqual(['n', 'at', expect.stringMatching(/^\$flash:/)]);
  });
});

describe('Texts of the keys', () => {
  it('are empty where JSON has none', () => {
    const document = load('{"n":1,"list":[1]}');
    document.data['f'] = () => 1;
    document.data['big'] = 1n;
    expect([...document.texts()]).toEqual([
      ['n', '1'],
      ['list', '[1]'],
      ['f', ''],
      ['big', ''],
    ]);
  });
});

describe('An object that was given to a method', () => {
  it.each<[string, (document: ReturnType<typeof load>, given: object) => void]>([
    ['set()', (document, given) => document.set('a', given)],
    ['push(), after a text', (document, given) => document.push('a', ['x', given])],
  ])('is noticed when it is changed after it was stored: %s', (_how, give) => {
    const document = load('{"n":1}');
    const given = { x: 1 };
    give(document, given);
    document.sent(document.changes() as never);
    expect(document.isChanged).toBe(false);
    given.x = 2;
    expect([document.isChanged, sets(document)['a']]).toEqual([true, expect.stringContaining('{"x":2}')]);
  });
});

describe('What a document knows without comparing', () => {
  it('is that nothing can differ, as long as no part was given out and no method has changed it', () => {
    const document = load('{"a":{"b":1},"n":1}');
    expect(document.mayDiffer).toBe(false);
    document.get('n');
    document.has('a.b');
    expect(document.mayDiffer).toBe(false);
    document.set('n', 2);
    expect(document.mayDiffer).toBe(true);
    const held = load('{"a":{"b":1}}');
    held.get('a');
    expect(held.mayDiffer).toBe(true);
  });
});
