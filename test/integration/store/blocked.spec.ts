import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import { createSessionId } from '../../../lib/session/token.js';
import type { NewSession } from '../../../lib/session-store.js';
import { SessionDataError } from '../../../lib/session.errors.js';
import type { MikroOrmSessionStore } from '../../../lib/store/postgres/mikro-orm.session-store.js';
import { HOUR, SOON, useStores } from './stores.js';

const INSERT = 'insert into';

/** Keeps this process from its work for longer than an operation has, as the next such statement is about to be sent, until the test ends. */
function blockOnceAtInsert(): { readonly inserts: number } {
  const counted = { inserts: 0 };
  // oxlint-disable-next-line typescript/unbound-method -- called on what it is called on
  const query = pg.Client.prototype.query as (...args: unknown[]) => unknown;
  jest.spyOn(pg.Client.prototype, 'query').mockImplementation(function (this: pg.Client, ...args: unknown[]) {
    if ((args[0] as { text?: string }).text?.includes(INSERT) && counted.inserts++ === 0) {
      const end = performance.now() + 2 * SOON;
      while (performance.now() < end);
    }
    return query.apply(this, args);
  } as never);
  return counted;
}

describe('MikroOrmSessionStore: a process that is kept from its work before a statement is sent', () => {
  const fixture = useStores();
  const OLD = { schema: undefined, name: 'session' };
  let store: MikroOrmSessionStore;

  beforeAll(async () => {
    await fixture.database.query(
      'create table session (sid varchar primary key, sess json not null, expire timestamp(6) not null)',
    );
    store = await fixture.openStore({ queryTimeout: SOON, oldTable: OLD });
    // So that it has a connection.
    await store.create(newSession());
  });

  const newSession = (data: object = { a: 1 }): NewSession => ({
    id: createSessionId(),
    secretHash: Buffer.alloc(32, 7),
    userId: null,
    auth: null,
    data: JSON.stringify(data),
    lifetime: { ttl: HOUR, absolute: null },
    ip: null,
    userAgent: null,
  });
  const large = () => newSession(Object.fromEntries(Array.from({ length: 110 }, (_, n) => [`k${100 + n}`, 1])));
  const addOld = (sid: string, expire = `now() + interval '1 hour'`) =>
    fixture.database.query(`insert into session values ($1, '{"cookie": {}}', ${expire})`, [sid]);

  it('stores a new session all the same, with a later deadline', async () => {
    const counted = blockOnceAtInsert();
    const session = newSession();
    expect(await store.create(session)).toMatchObject({ id: session.id, data: '{"a": 1}', readAt: expect.any(Number) });
    expect(counted.inserts).toBe(2);
    expect(await store.find(session.id)).not.toBeNull();
  });

  it('stores all of several, but for those that are too large', async () => {
    blockOnceAtInsert();
    const sessions = [newSession(), large(), newSession()];
    const outcomes = await fixture.outcomes(...sessions.map((session) => store.create(session)));
    expect(outcomes).toEqual([
      expect.objectContaining({ id: sessions[0]?.id }),
      expect.any(SessionDataError),
      expect.objectContaining({ id: sessions[2]?.id }),
    ]);
  });

  it('gives nothing but a session', async () => {
    const created = await store.create(newSession());
    expect(Object.keys(created).toSorted()).toEqual(Object.keys((await store.find(created.id)) as object).toSorted());
  });

  it('takes over a session that was found elsewhere', async () => {
    const counted = blockOnceAtInsert();
    expect(await store.adopt(newSession(), null)).toMatchObject({ data: '{"a": 1}' });
    expect(counted.inserts).toBe(2);
  });

  it('takes over a session of the old table, in its place, and none that is not there', async () => {
    await addOld('here');
    await addOld('expired', `now() - interval '1 hour'`);
    const adopted: unknown[] = [];
    for (const sid of ['here', 'here', 'expired', 'no']) {
      blockOnceAtInsert();
      adopted.push((await store.adopt(newSession(), sid)) !== null);
      jest.restoreAllMocks();
    }
    expect(adopted).toEqual([true, false, false, false]);
    expect(await fixture.database.query('select sid from session')).toEqual([{ sid: 'expired' }]);
  });

  it('says of one that is taken over that it is too large only where it is', async () => {
    blockOnceAtInsert();
    await expect(store.adopt(large(), null)).rejects.toThrow(SessionDataError);
  });
});
