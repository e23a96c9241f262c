import { inspect } from 'node:util';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { ActiveSession } from '../../../lib/session/active-session.js';
import type { Session } from '../../../lib/session/session.js';
import { TestSessions } from './sessions.js';

const MEMBERS = [
  'id isNew isModified isDestroyed isAuthenticated createdAt lastAccessAt expiresAt ttl isExpired data get set has delete',
  'pull clear keys toJSON increment push flash flashes userId authenticatedAt auth avatar setTtl touch login logout',
  'regenerate destroy save update reload',
]
  .join(' ')
  .split(' ');

describe('a session as an application holds it', () => {
  let active: ActiveSession;
  let session: Session & Record<PropertyKey, any>;

  beforeEach(async () => {
    active = await new TestSessions().open();
    session = active.sealed as typeof session;
    session.set('cart', { items: ['a'] });
  });

  it('has all members of a session, and what it returns itself from is itself', () => {
    expect(MEMBERS.filter((member) => !(member in session))).toEqual([]);
    expect([session.id, session.isNew, session.ttl]).toEqual([active.id, true, active.ttl]);
    expect(session.get('cart')).toEqual({ items: ['a'] });
    expect([session.set('n', 1), session.touch(), session.clear()]).toEqual([session, session, session]);
    expect(session.set('n', 1) === session).toBe(true);
    expect(active.sealed).toBe(session);
  });

  it('has nothing of what the library keeps in it', () => {
    for (const name of ['settle', 'sealed', 'generation', 'written', 'discard', 'restart', 'renews', 'now']) {
      expect([name, name in session, session[name]]).toEqual([name, false, undefined]);
    }
  });

  it('shows its data to what copies it by its properties', () => {
    session.set('toString', 1);
    expect(Object.keys(session)).toEqual(['cart', 'toString']);
    expect({ ...session }).toEqual({ cart: { items: ['a'] }, toString: 1 });
    expect(['cart' in session, session['cart'] === session.data['cart'], 'nothing' in session]).toEqual([
      true,
      true,
      false,
    ]);
    expect(Object.getOwnPropertyDescriptor(session, 'cart')).toEqual({
      value: { items: ['a'] },
      configurable: true,
      enumerable: true,
      writable: false,
    });
    expect(Object.getOwnPropertyDescriptor(session, 'nothing')).toBeUndefined();
    expect(JSON.stringify(session)).toBe('{"cart":{"items":["a"]},"toString":1}');
  });

  it('shows no data in the place of a member', () => {
    session.set('id', 'mine').set('login', 1);
    expect([Object.keys(session), Reflect.ownKeys(session)]).toEqual([['cart'], ['cart']]);
    expect([session.id, typeof session.login]).toEqual([active.id, 'function']);
    expect(Object.getOwnPropertyDescriptor(session, 'id')).toBeUndefined();
  });

  it('is no promise, whatever its data says', async () => {
    session.set('then', 'x');
    expect([session['then'], 'then' in session, await Promise.resolve(session)]).toEqual([undefined, false, session]);
    expect(Object.getOwnPropertyDescriptor(session, 'then')).toBeUndefined();
  });

  it('is an object like any other, but for what is set on it', () => {
    expect([session['constructor'], typeof session['hasOwnProperty']]).toEqual([Object, 'function']);
    expect(Object.getPrototypeOf(session)).toBe(Object.prototype);
    expect(Symbol.iterator in session).toBe(false);
  });

  it('refuses properties of its own, and names what to do instead', () => {
    const refusal = `A session keeps nothing in properties of its own: use session.data.user, or session.set('user', …) and session.delete('user').`;
    expect(() => (session['user'] = 1)).toThrow(new TypeError(refusal));
    expect(() => delete session['user']).toThrow(new TypeError(refusal));
    expect(() => Object.defineProperty(session, 'user', { value: 1 })).toThrow(new TypeError(refusal));
    const member = 'session.id is a member of the session, and cannot be changed so.';
    expect(() => Object.assign(session, { id: 1 })).toThrow(new TypeError(member));
    expect(() => delete (session as { id?: unknown }).id).toThrow(new TypeError(member));
    expect(() => Object.assign(session, { [Symbol('s')]: 1 })).toThrow('session.data.Symbol(s)');
  });

  it('cannot be given another prototype, nor be closed', () => {
    expect(() => Object.setPrototypeOf(session, null) as unknown).toThrow(TypeError);
    expect(() => Object.preventExtensions(session)).toThrow(TypeError);
    expect([Reflect.setPrototypeOf(session, null), Reflect.preventExtensions(session)]).toEqual([false, false]);
  });

  it('is printed as its id, its user and its data', () => {
    const shown = `{ id: '${session.id}', userId: null, data: { cart: { items: [ 'a' ] } } }`;
    expect(inspect(session, { depth: 9 }).replaceAll(/\s+/g, ' ')).toBe(shown);
    expect(inspect(session, { showProxy: true, showHidden: true, depth: 9 })).not.toContain('hash');
    expect(inspect(session, { showProxy: true, breakLength: Infinity })).toContain('{}');
  });
});
