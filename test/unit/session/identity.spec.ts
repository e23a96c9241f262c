import { describe, expect, it } from '@jest/globals';
import { Identity } from '../../../lib/session/identity.js';
import { storedSession } from './stored.js';

describe('Identity', () => {
  const unreadable: unknown[] = [];
  const identity = (...args: Parameters<typeof storedSession>) =>
    new Identity(storedSession(...args), (error) => unreadable.push(error));

  it('is anonymous without a stored session, and without a user', () => {
    const nobody = new Identity(null, () => {});
    expect([nobody.auth, nobody.avatar.identity, nobody.avatar.isAnonymous]).toEqual([null, null, true]);
    expect([identity().auth, identity().avatar.identity]).toEqual([null, null]);
  });

  it('has the user’s id and the snapshot of the login, parsed once', () => {
    const ada = identity({ userId: 'ada', auth: '{"roles":["admin"],"n":1}' });
    expect(ada.auth).toEqual({ roles: ['admin'], n: 1 });
    expect([ada.avatar.identity, ada.avatar.roles]).toEqual(['ada', ['admin']]);
    expect([ada.auth === ada.auth, ada.avatar === ada.avatar]).toEqual([true, true]);
  });

  it('reports a snapshot that cannot be read, once, and has none then', () => {
    const broken = identity({ userId: 'ada', auth: '{' });
    expect([broken.auth, broken.auth, broken.avatar.identity]).toEqual([null, null, 'ada']);
    expect(unreadable).toEqual([expect.any(SyntaxError)]);
  });
});
