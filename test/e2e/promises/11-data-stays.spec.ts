import { describe, expect, it } from '@jest/globals';
import { SessionDataError } from 'nestjs-mikro-session';
import { useApp } from '../../support/app.js';
import { inHandler, visit } from '../../support/probe.js';

const nested = (levels: number): unknown => (levels === 0 ? 1 : { in: nested(levels - 1) });
const cycle: Record<string, unknown> = {};
cycle['self'] = cycle;

describe('Promise 11: data stays what it was', () => {
  const fixture = useApp({ options: { maxDataBytes: 2_000 } });

  it.each([
    ['strings', 'Ünïcödé 🎉 "quoted" \\ \n\t'],
    ['numbers', [0, 1.5, -2e-10, 9_007_199_254_740_991, 1e300]],
    ['booleans and null', [true, false, null]],
    ['empty containers', { list: [], object: {}, text: '' }],
    ['nested data', { a: [{ b: [{ c: 1 }] }] }],
    ['data 64 levels deep', nested(64)],
    ['inert keys', JSON.parse('{"constructor":1,"prototype":2,"toString":3,"hasOwnProperty":4}')],
  ])('gives back %s as they were', async (_what, value) => {
    const client = fixture.app.client();
    await visit(client, (session) => {
      session.data['value'] = value;
    });
    expect(await inHandler(client, (session) => session.data['value'])).toEqual(value);
  });

  it('has no undefined properties, and no negative zero', async () => {
    const client = fixture.app.client();
    await visit(client, (session) => {
      Object.assign(session.data, { gone: undefined, kept: { gone: undefined, zero: -0 } });
    });
    const data = await inHandler(client, (session) => session.toJSON());
    expect(Object.keys(data)).toEqual(['kept']);
    expect(Object.keys(data['kept'] as object)).toEqual(['zero']);
    expect(Object.is((data['kept'] as { zero: number }).zero, 0)).toBe(true);
  });

  it.each([
    ['a Date', () => new Date(), 'a.b'],
    ['a Map', () => new Map(), 'a.b'],
    ['a class instance', () => new (class Cart {})(), 'a.b'],
    ['a BigInt', () => 1n, 'a.b'],
    ['NaN', () => Number.NaN, 'a.b'],
    ['Infinity', () => Infinity, 'a.b'],
    ['a function', () => () => 1, 'a.b'],
    ['a symbol', () => Symbol('s'), 'a.b'],
    ['a cycle', () => cycle, /^a\.b(\.self)+$/],
    ['65 levels', () => nested(64), /^a\.b(\.in)+$/],
    ['a NUL character', () => 'a\0b', 'a.b'],
    ['half a surrogate pair', () => '\ud800', 'a.b'],
    ['undefined in an array', () => [1, undefined], 'a.b.1'],
  ])('refuses %s, naming the path, and leaves the stored row untouched', async (_what, make, path) => {
    const client = fixture.app.client();
    const id = await inHandler(client, (session) => session.set('kept', 1).id);
    const before = await fixture.row(id);
    const error = await inHandler(client, async (session) => {
      session.data['kept'] = 2;
      session.data['a'] = { b: make() };
      const caught = await session.save().catch((reason: unknown) => reason);
      session.data['kept'] = 1;
      delete session.data['a'];
      return caught;
    });
    expect(error).toBeInstanceOf(SessionDataError);
    expect((error as SessionDataError).path).toMatch(path);
    expect((error as SessionDataError).message).toContain((error as SessionDataError).path);
    expect((await fixture.row(id))['data']).toEqual(before['data']);
  });

  it('answers 500, and stores nothing, when a handler leaves such a value behind', async () => {
    const client = fixture.app.client();
    const id = await inHandler(client, (session) => session.set('kept', 1).id);
    const reply = await visit(client, (session) => {
      Object.assign(session.data, { kept: 2, when: new Date() });
    });
    expect(reply.status).toBe(500);
    expect((await fixture.row(id))['data']).toEqual({ kept: 1 });
  });

  it('refuses data that is too big, also when only the merged row is', async () => {
    const client = fixture.app.client();
    const id = await inHandler(client, (session) => session.set('one', 'x'.repeat(1_200)).id);
    const error = await inHandler(client, async (session) => {
      const caught = await session
        .set('two', 'x'.repeat(1_200))
        .save()
        .catch((reason: unknown) => reason);
      session.delete('two');
      return caught;
    });
    expect(error).toBeInstanceOf(SessionDataError);
    expect((error as Error).message).toContain('2000 bytes');
    expect(Object.keys((await fixture.row(id))['data'])).toEqual(['one']);
    expect((await visit(client, (session) => session.set('three', 'x'.repeat(3_000)))).status).toBe(500);
    expect((await visit(fixture.app.client(), (session) => session.set('four', 'é'.repeat(1_500)))).status).toBe(500);
  });

  it('refuses keys that begin with $, however they get in', async () => {
    const client = fixture.app.client();
    const errors = await inHandler(client, async (session) => {
      const attempts = [
        () => session.set('$flash:1', 1),
        () => session.increment('$n'),
        () => session.push('$list', 1),
        () => ((session.data['$x'] = 1), session.save()),
      ];
      const caught = [];
      for (const attempt of attempts) caught.push(await (async () => attempt())().catch((reason: unknown) => reason));
      delete session.data['$x'];
      return caught;
    });
    expect(errors.map((error) => (error as SessionDataError).code)).toEqual(Array(4).fill('ERR_SESSION_DATA'));
  });

  it('stores __proto__ like any key, and changes no prototype with it', async () => {
    const client = fixture.app.client();
    await visit(client, (session) => {
      session
        .set('__proto__.polluted', 'yes')
        .set('constructor.prototype.polluted', 'yes')
        .set('a.__proto__.polluted', 'yes');
      session.data['__proto__'].more = JSON.parse('{"__proto__": {"polluted": "yes"}}');
    });
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    const [value, own, inherited] = await inHandler(client, (session) => [
      session.get('__proto__.polluted'),
      Object.keys(session.get('a') as object),
      (session.get('a') as Record<string, unknown>)['polluted'],
    ]);
    expect([value, own, inherited]).toEqual(['yes', ['__proto__'], undefined]);
  });

  it('reads unreadable data as empty, logs it, and stores what is written then', async () => {
    const client = fixture.app.client();
    const id = await inHandler(client, (session) => session.set('a', 1).id);
    for (const broken of ['"text"', '[1]', '7', 'null']) {
      await fixture.database.query('update sessions set data = $2 where id = $1', [id, broken]);
      expect(await inHandler(client, (session) => session.toJSON())).toEqual({});
      await visit(client, (session) => session.set('b', 2));
      expect((await fixture.row(id))['data']).toEqual({ b: 2 });
    }
  });
});
