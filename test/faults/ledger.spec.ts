import { beforeEach, describe, expect, it } from '@jest/globals';
import { type Account, expected, Ledger } from './load/ledger.js';

const ID = '01900000-0000-7000-8000-000000000001';

describe('what was acknowledged', () => {
  let ledger: Ledger;
  let account: Account;
  beforeEach(() => {
    ledger = new Ledger();
    account = ledger.open(ID, 'cookie');
    Object.assign(account.last, { acknowledged: 3, tried: 5 });
    Object.assign(account.count, { acknowledged: 2, tried: 2 });
  });

  const found = (last: number, count: number, id = ID) => {
    ledger.compare(expected(account), { id, last, count }, 'at the end');
    return ledger.lost;
  };

  it.each([3, 4, 5])('may be there, or any that was tried later: %d', (last) => {
    expect(found(last, 2)).toBe(0);
  });

  it.each([
    ['an older write in the place of a newer one', 2, 2],
    ['a write that nobody has tried', 6, 2],
    ['an increment too few', 3, 1],
    ['an increment too many', 3, 3],
  ])('is lost with %s', (_what, last, count) => {
    expect(found(last, count)).toBe(1);
    expect(ledger.stories[0]).toContain(ID);
  });

  it('is lost with the session, or where another one is found', () => {
    ledger.compare(expected(account), null, 'at the end');
    expect(found(3, 2, ID.replace('1', '2'))).toBe(2);
  });

  it('was lost only if it was acknowledged before it was looked for', () => {
    const known = expected(account);
    account.last.tried = 6;
    account.last.acknowledged = 6;
    ledger.compare(known, { id: ID, last: 4, count: 2 }, 'meanwhile');
    expect(ledger.lost).toBe(0);
  });

  it('is that a session has ended, and its cookie is dead', () => {
    ledger.close(account);
    expect(account.fate).toBe('ended');
    expect(ledger.dead).toMatchObject([{ id: ID, cookie: 'cookie', isReplaced: false }]);
    const [dead] = ledger.dead;
    if (dead !== undefined) ledger.revive(dead, 'under load');
    expect(ledger.revived).toBe(1);
  });
});
