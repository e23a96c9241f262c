import { beforeEach, describe, expect, it } from '@jest/globals';
import { CookieIntent } from '../../../lib/session/cookie-intent.js';
import type { Recognition } from '../../../lib/session/recognition.js';
import type { FoundSession } from '../../../lib/session/session-environment.js';
import { issueCredential } from '../../../lib/session/token.js';

const credential = issueCredential('0199a1b2-c3d4-7e5f-8a6b-0123456789ab');
const found = (recognition: Recognition) => ({ recognition, credential, stored: {} }) as FoundSession;
const LIFE = { endsAt: null, persistent: null };
const ISSUED = { kind: 'issued', value: 'v', endsAt: null, persistent: null };
const REMOVED = { kind: 'removed' };

describe('CookieIntent', () => {
  it.each<[string, FoundSession | null, boolean, Buffer | null]>([
    ['no cookie', null, false, null],
    ['a cookie of no session', found('unknown'), false, null],
    ['the current cookie', found('current'), false, credential.secretHash],
    ['the previous cookie', found('previous'), true, credential.secretHash],
    ['the cookie from before a login', found('replaced'), true, null],
    ['the id of a session', { ...found('current'), credential: null }, false, null],
  ])('that begins with %s leaves the cookie alone', (_what, from, isOvertaken, broughtHash) => {
    const cookie = new CookieIntent(from);
    expect([cookie.change, cookie.isOvertaken, cookie.broughtHash]).toEqual([null, isOvertaken, broughtHash]);
  });

  it.each<[Recognition, object | null]>([
    ['current', ISSUED],
    ['previous', null],
    ['replaced', null],
    ['unknown', null],
  ])('sets the cookie again for another lifetime only where the client holds it: %s', (recognition, change) => {
    const cookie = new CookieIntent(found(recognition));
    cookie.reissue('v', LIFE);
    expect(cookie.change).toEqual(change);
  });

  it('gives a cookie that is set only now the lifetime that comes after it', () => {
    const cookie = new CookieIntent(null);
    cookie.issue('v', { endsAt: 1, persistent: true });
    cookie.reissue('v', { endsAt: 2, persistent: true });
    expect(cookie.change).toEqual({ kind: 'issued', value: 'v', endsAt: 2, persistent: true });
  });

  it('sets none for another lifetime of a session that was found by its id', () => {
    const cookie = new CookieIntent({ ...found('current'), credential: null });
    cookie.reissue('v', LIFE);
    expect(cookie.change).toBeNull();
  });

  it.each<[string, FoundSession | null, (cookie: CookieIntent) => void, boolean]>([
    ['nothing is to be done', found('current'), () => {}, false],
    ['it is set again', found('current'), (cookie) => cookie.reissue('v', LIFE), true],
    ['it is another one', found('current'), (cookie) => cookie.issue('v', LIFE), true],
    ['it stands for an old cookie', { ...found('current'), credential: { ...credential, sid: 's' } }, () => {}, true],
    ['a session begins', null, (cookie) => cookie.begin('v', LIFE), false],
    ['a session begins in the place of the one before', found('current'), (cookie) => cookie.begin('v', LIFE), false],
    ['it is removed', found('current'), (cookie) => (cookie.reissue('v', LIFE), cookie.end()), false],
  ])(
    'has the session looked up before the cookie is set where others can have changed it: %s',
    (_when, from, change, is) => {
      const cookie = new CookieIntent(from);
      change(cookie);
      expect(cookie.isToConfirm).toBe(is);
      if (!is) return;
      cookie.confirm({ endsAt: 3, persistent: true });
      expect([cookie.isToConfirm, cookie.change]).toMatchObject([false, { endsAt: 3, persistent: true }]);
      cookie.deny();
      expect([cookie.change, cookie.isOvertaken, cookie.isCurrent]).toEqual([null, true, false]);
    },
  );

  it('that was removed stays so where it cannot be confirmed', () => {
    const cookie = new CookieIntent(found('current'));
    cookie.reissue('v', LIFE);
    cookie.end();
    cookie.leaveUnconfirmed();
    expect(cookie.change).toEqual(REMOVED);
  });

  describe('of a session that the client holds', () => {
    let cookie: CookieIntent;
    beforeEach(() => {
      cookie = new CookieIntent(found('current'));
    });

    it('removes the cookie when this request ends it', () => {
      cookie.end();
      expect([cookie.change, cookie.broughtHash]).toEqual([REMOVED, null]);
    });

    it('leaves the cookie alone when another request has ended it', () => {
      cookie.issue('v', LIFE);
      cookie.overtake();
      expect([cookie.change, cookie.isOvertaken]).toEqual([null, true]);
    });

    it('removes the cookie when another one began since, and was ended, too', () => {
      cookie.end();
      cookie.issue('v', LIFE);
      expect(cookie.change).toEqual(ISSUED);
      cookie.end();
      expect(cookie.change).toEqual(REMOVED);
    });
  });

  it('has nothing to remove where a session began and ended in this request', () => {
    const cookie = new CookieIntent(null);
    cookie.issue('v', LIFE);
    cookie.end();
    cookie.removeEnded();
    expect(cookie.change).toBeNull();
  });
});
