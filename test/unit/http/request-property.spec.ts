import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { RequestProperty } from '../../../lib/http/request-property.js';

/** What requests of a framework are. */
class FrameworkRequest extends IncomingMessage {}
type Held = object & { session?: unknown };

describe('a property of requests', () => {
  let property: RequestProperty;
  let taken: unknown[];
  const values = new WeakMap<object, unknown>();
  let PerTest: new (socket: Socket) => IncomingMessage & Held;
  const request = () => new PerTest(new Socket());

  beforeEach(() => {
    PerTest = class extends FrameworkRequest {};
    taken = [];
    property = new RequestProperty(
      'session',
      (of) => values.get(of),
      (of, value) => {
        taken.push([of, value]);
        return value === 'taken';
      },
    );
  });

  it('answers for each request, from the prototype that a framework’s requests share', () => {
    const [one, other] = [request(), request()];
    values.set(one, 1).set(other, 2);
    expect([property.exposeOn(one, one), property.exposeOn(other, other)]).toEqual([true, true]);
    expect([one.session, other.session, request().session]).toEqual([1, 2, undefined]);
    expect([Object.hasOwn(one, 'session'), Object.hasOwn(PerTest.prototype, 'session')]).toEqual([false, true]);
    expect(Object.getOwnPropertyDescriptor(PerTest.prototype, 'session')).toMatchObject({
      configurable: true,
      enumerable: true,
    });
    expect(Object.hasOwn(FrameworkRequest.prototype, 'session')).toBe(false);
  });

  it('asks what becomes of a value that is assigned, which the request has unless it is taken', () => {
    const one = request();
    property.exposeOn(one, one);
    one.session = 'taken';
    expect([taken, Object.hasOwn(one, 'session')]).toEqual([[[one, 'taken']], false]);
    one.session = 'mine';
    expect(Object.getOwnPropertyDescriptor(one, 'session')).toEqual({
      value: 'mine',
      configurable: true,
      enumerable: true,
      writable: true,
    });
    expect(property.exposeOn(one, one)).toBe(false);
    expect([one.session, request().session]).toEqual(['mine', undefined]);
  });

  it.each<[string, (one: Held) => void]>([
    ['on the request', (one) => (one.session = 'theirs')],
    ['on what it inherits from', () => Object.assign(FrameworkRequest.prototype, { session: 'theirs' })],
    ['on its prototype', () => Object.assign(PerTest.prototype, { session: 'theirs' })],
  ])('leaves alone what another library has put %s', (_where, put) => {
    const one = request();
    put(one);
    expect([property.exposeOn(one, one), one.session, Object.hasOwn(PerTest.prototype, 'session')]).toEqual([
      false,
      'theirs',
      (PerTest.prototype as Held).session === 'theirs' && Object.hasOwn(PerTest.prototype, 'session'),
    ]);
    delete (FrameworkRequest.prototype as Held).session;
  });

  it('leaves alone what is put on one request later, and serves the others', () => {
    const [one, other] = [request(), request()];
    values.set(other, 2);
    property.exposeOn(one, one);
    Object.defineProperty(one, 'session', { value: 'theirs' });
    expect([property.exposeOn(one, one), property.exposeOn(other, other), other.session]).toEqual([false, true, 2]);
  });

  it('is put on the request itself where that is Node’s own, or is none of Node’s', () => {
    const [own, plain]: Held[] = [new IncomingMessage(new Socket()), Object.create({ shared: true }) as object];
    for (const one of [own, plain] as Held[]) {
      values.set(one, 1);
      expect([property.exposeOn(one, one), property.exposeOn(one, one), one.session]).toEqual([true, true, 1]);
      expect(Object.hasOwn(one, 'session')).toBe(true);
      expect(Object.hasOwn(Object.getPrototypeOf(one) as object, 'session')).toBe(false);
    }
  });

  it('is put on the prototype of a framework’s own kind of request, by Node’s request behind it', () => {
    const shared = {};
    const [one, other] = [Object.create(shared) as Held, Object.create(shared) as Held];
    const raw = new IncomingMessage(new Socket());
    expect([property.exposeOn(one, raw), property.exposeOn(other, raw)]).toEqual([true, true]);
    expect([Object.hasOwn(shared, 'session'), Object.hasOwn(one, 'session')]).toEqual([true, false]);
  });

  it('of another registration is another’s', () => {
    const one = request();
    const another = new RequestProperty(
      'session',
      () => 'another',
      () => true,
    );
    expect([another.exposeOn(one, one), property.exposeOn(one, one), one.session]).toEqual([true, false, 'another']);
  });
});
