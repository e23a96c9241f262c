import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import { issueCredential } from '../../../lib/session/token.js';
import type { StoredSession } from '../../../lib/session/stored-session.js';
import type { MikroOrmSessionStore } from '../../../lib/store/postgres/mikro-orm.session-store.js';
import { changesOf, failStatements, HOUR, useStores } from './stores.js';

const MARK = 'marked';
const FIND = 'as wanted';

type Done = (error: unknown, result?: { rows: unknown[] }) => void;

/** Whether the rows that look-ups bring hold the data, one after the other, until the test ends. */
function watchRows(): boolean[] {
  const hasData: boolean[] = [];
  // oxlint-disable-next-line typescript/unbound-method -- called on what it is called on
  const query = pg.Client.prototype.query as (...args: unknown[]) => unknown;
  jest.spyOn(pg.Client.prototype, 'query').mockImplementation(function (this: pg.Client, ...args: unknown[]) {
    if (!(args[0] as { text?: string }).text?.includes(FIND)) return query.apply(this, args);
    const done = args[1] as Done;
    return query.call(this, args[0], (error: unknown, result?: { rows: unknown[] }) => {
      for (const row of result?.rows ?? []) hasData.push(JSON.stringify(row).includes(MARK));
      done(error, result);
    });
  } as never);
  return hasData;
}

describe('MikroOrmSessionStore: a session that is known', () => {
  const fixture = useStores();
  const { alter, create, expire, lock, row, openStore, outcomes } = fixture;
  let one: MikroOrmSessionStore;
  let two: MikroOrmSessionStore;

  beforeEach(async () => {
    one ??= await openStore();
    two ??= await openStore();
  });

  const renew = (store: MikroOrmSessionStore, id: string) => fixture.renew([id], 0, store);

  /** One that the first store has looked up often enough to know it. */
  async function known(): Promise<StoredSession> {
    const { id } = await create({ userId: 'ada', auth: '{"roles":[]}', data: { [MARK]: 1 } });
    await one.find(id);
    return (await one.find(id)) as StoredSession;
  }

  it('is not told again as long as it is what it was, and is found all the same', async () => {
    const { id, readAt, ...session } = await known();
    const rows = watchRows();
    const found = await one.find(id);
    expect(rows).toEqual([false]);
    expect(found).toEqual({ id, readAt: expect.any(Number), ...session });
    expect(found?.readAt).toBeGreaterThan(readAt);
  });

  it('is kept from its second look-up on, for most come but once', async () => {
    const { id } = await create({ data: { [MARK]: 1 } });
    const rows = watchRows();
    for (let n = 0; n < 4; n++) await one.find(id);
    expect(rows).toEqual([true, true, false, false]);
  });

  it.each<[string, (session: StoredSession) => Promise<unknown>, object]>([
    [
      'a commit',
      ({ id }) => two.commit(id, 0, changesOf({ set: { n: 2 } })),
      { data: expect.stringContaining('"n": 2') },
    ],
    ['its own commit', ({ id }) => one.commit(id, 0, changesOf({ unset: [MARK] })), { data: '{}' }],
    ['an update', ({ id }) => two.update(id, 0, () => changesOf({ unset: [MARK] })), { data: '{}' }],
    [
      'a change of the ttl',
      ({ id }) => two.commit(id, 0, changesOf({ lifetime: { ttl: HOUR, absolute: null } })),
      { ttl: HOUR },
    ],
    [
      'regenerate()',
      ({ id, secretHash }) =>
        two.rotate({ id, generation: 0, knownHash: secretHash, secretHash: issueCredential(id).secretHash }),
      { rotatedAt: expect.any(Number), previousSecretHash: expect.any(Buffer) },
    ],
    ['SQL', ({ id }) => alter(id, `data = '{"by": "hand"}'`), { data: '{"by": "hand"}' }],
    ['SQL that gives it to somebody else', ({ id }) => alter(id, `user_id = 'eve'`), { userId: 'eve' }],
  ])('is found as it is after %s', async (_what, change, expected) => {
    const session = await known();
    await change(session);
    expect(await one.find(session.id)).toMatchObject(expected);
  });

  it('stays known when it is renewed here, with the expiry that the database has', async () => {
    const { id, expiresAt } = await known();
    await renew(one, id);
    const rows = watchRows();
    const found = await one.find(id);
    expect(rows).toEqual([false]);
    expect(found?.expiresAt).toBeGreaterThan(expiresAt);
    expect(found?.expiresAt).toBeCloseTo((await row(id))['expires_at'].getTime(), -1);
  });

  it('is told anew when it was renewed elsewhere, and then is known again', async () => {
    const { id, expiresAt } = await known();
    await renew(two, id);
    const rows = watchRows();
    expect((await one.find(id))?.expiresAt).toBeGreaterThan(expiresAt);
    await one.find(id);
    expect(rows).toEqual([true, false]);
  });

  it('does not pass for unchanged because it is renewed here after a change elsewhere', async () => {
    const { id } = await known();
    await two.commit(id, 0, changesOf({ set: { n: 2 } }));
    expect(await renew(one, id)).toEqual([id]);
    expect(await one.find(id)).toMatchObject({ data: expect.stringContaining('"n": 2') });
  });

  it('is what it was while a transaction holds its row, and may not be renewed', async () => {
    const { id } = await known();
    const holder = await lock(id);
    expect(await renew(one, id)).toEqual([]);
    expect(await one.find(id)).toMatchObject({ id });
    await holder.release();
    await alter(id, `data = '{}'`);
    expect(await one.find(id)).toMatchObject({ data: '{}' });
  });

  it.each<[string, (id: string) => Promise<unknown>]>([
    ['ended elsewhere', (id) => two.delete(id, null)],
    ['ended here', (id) => one.delete(id, null)],
    ['ended by SQL', (id) => fixture.database.query('delete from sessions where id = $1', [id])],
    ['expired', (id) => expire(id)],
  ])('is absent when it was %s', async (_how, end) => {
    const { id } = await known();
    await end(id);
    expect(await one.find(id)).toBeNull();
  });

  it('is told anew when the database could not be reached: what answers next may be another', async () => {
    const { id } = await known();
    failStatements(FIND);
    expect(await outcomes(one.find(id))).toEqual([fixture.unavailable]);
    jest.restoreAllMocks();
    const rows = watchRows();
    await one.find(id);
    expect(rows).toEqual([true]);
  });

  it('stays known when a lock was waited for in vain: the database answered', async () => {
    const { id } = await known();
    failStatements('for no key update', Object.assign(new Error('lock timeout'), { code: '55P03' }));
    expect(await outcomes(one.update(id, 0, () => null))).toEqual([fixture.unavailable]);
    jest.restoreAllMocks();
    const rows = watchRows();
    await one.find(id);
    expect(rows).toEqual([false]);
  });

  it('is never found older than what was acknowledged, in whatever order it is written, renewed and looked up', async () => {
    const { id } = await known();
    const answers: unknown[] = [];
    for (let n = 0; n < 300; n++) {
      const work = [
        () => two.commit(id, 0, changesOf({ set: { n } })),
        () => renew(n % 5 === 0 ? two : one, id),
        () => one.find(id),
      ];
      // Each begins first as often as the others, and some begin when another is under way.
      const turns = [n % 3, (n + 1) % 3, (n + 2) % 3].map(async (which, place) => {
        for (let turn = 0; turn < (place * n) % 7; turn++) await new Promise(setImmediate);
        await work[which]?.();
      });
      await Promise.all(turns);
      const { data } = (await one.find(id)) as StoredSession;
      answers.push((JSON.parse(data) as { n: number }).n);
    }
    expect(answers).toEqual(Array.from({ length: 300 }, (_, n) => n));
  });
});
