import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { SessionDataError } from '../../../lib/session.errors.js';
import type { NewSession } from '../../../lib/session-store.js';
import { NO_CHANGES } from '../../../lib/session/data/changes.js';
import { createSessionId, type SessionId } from '../../../lib/session/token.js';
import { MemorySessionStore } from '../../../lib/store/memory.session-store.js';
import { StoreReports } from '../../support/store-listener.js';

const MINUTE = 60_000;

class ClockedStore extends MemorySessionStore {
  time = 1_000_000;

  override now(): number {
    return this.time;
  }
}

describe('MemorySessionStore', () => {
  let store: ClockedStore;

  beforeEach(() => {
    store = new ClockedStore({ maxDataBytes: 20 });
  });

  async function create(more: Partial<NewSession> = {}): Promise<SessionId> {
    const id = createSessionId();
    const lifetime = { ttl: MINUTE, absolute: null };
    const rest = { userId: 'ada', auth: null, data: '{}', lifetime, ip: null, userAgent: null };
    await store.create({ id, secretHash: randomBytes(32), ...rest, ...more });
    return id;
  }

  const all = async (pieces: AsyncIterable<readonly SessionId[]>): Promise<SessionId[]> => {
    const ids: SessionId[] = [];
    for await (const piece of pieces) ids.push(...piece);
    return ids;
  };

  it('keeps the newest sessions of a user: those of the latest login, and of two at once the later id', async () => {
    const [a, b, c] = [await create(), await create(), await create()];
    store.time += 1;
    const latest = await create();
    expect(await all(store.keepNewest('ada', 2))).toEqual([b, a]);
    expect((await store.findByUser('ada')).map(({ id }) => id)).toEqual([c, latest]);
  });

  it('takes the later id for the newer of two logins at once, whichever was stored first', async () => {
    for (const id of ['b', 'a', 'c']) await create({ id });
    expect(await all(store.keepNewest('ada', 1))).toEqual(['b', 'a']);
  });

  it('takes logins from before the clock was set back for the oldest, but for those that were none', async () => {
    const adopted = createSessionId();
    const rest = { userId: 'ada', auth: null, data: '{}', ip: null, userAgent: null };
    const lifetime = { ttl: MINUTE, absolute: null };
    await store.adopt({ id: adopted, secretHash: randomBytes(32), lifetime, ...rest }, null);
    store.time += 2;
    const ahead = await create();
    store.time += 1;
    const further = await create();
    store.time -= 3;
    const latest = await create();
    expect(await all(store.keepNewest('ada', 1))).toEqual([further, ahead, adopted]);
    expect(await store.find(latest)).not.toBeNull();
  });

  it('lists the sessions of a user, the oldest first', async () => {
    store.time += 5;
    const younger = await create();
    store.time -= 5;
    const older = await create();
    expect((await store.findByUser('ada')).map(({ id }) => id)).toEqual([older, younger]);
  });

  it('removes what has expired at this very moment, and says so once', async () => {
    const [one] = [await create(), await create({ lifetime: { ttl: MINUTE + 1, absolute: null } })];
    store.time += MINUTE;
    expect([await all(store.deleteExpired()), await all(store.deleteExpired())]).toEqual([[one], []]);
    expect(await store.count()).toBe(1);
  });

  it('gives the sweep to its process', async () => {
    expect(await store.claimSweep()).toBe(true);
  });

  it('renews, only ever forward, whether or not it is open', async () => {
    const id = await create();
    const start = store.time;
    store.renew({ id, at: start + 10, expiresAt: 0 });
    store.renew({ id, at: start + 5, expiresAt: 0 });
    store.renew({ id: createSessionId(), at: start, expiresAt: 0 });
    expect(await store.find(id)).toMatchObject({ lastAccessAt: start + 10, expiresAt: start + 10 + MINUTE });
    const reports = new StoreReports();
    await store.open(reports);
    store.renew({ id, at: start + 20, expiresAt: 0 });
    expect(reports.renewals).toEqual([id]);
  });

  it('takes data of as many bytes as there may be, and refuses more, at a login as well', async () => {
    const id = await create({ data: '{"a":"1234567890aa"}' });
    const set = (text: string) => ({ ...NO_CHANGES, set: new Map([['a', text]]) });
    const login = (text: string) =>
      store.login({
        id,
        generation: 0,
        secretHash: randomBytes(32),
        userId: 'ada',
        auth: null,
        lifetime: { ttl: MINUTE, absolute: null },
        flush: false,
        changes: set(text),
      });
    const change = (text: string) => store.commit(id, 0, { data: set(text), lifetime: null, renew: false });
    expect(await change('"1234567890bb"')).not.toBeNull();
    await expect(change('"1234567890bbb"')).rejects.toThrow(SessionDataError);
    await expect(login('"1234567890bbb"')).rejects.toThrow(SessionDataError);
    await expect(create({ data: '{"a":"1234567890aaa"}' })).rejects.toThrow(SessionDataError);
    expect(await login('"1234567890cc"')).toMatchObject({ data: '{"a":"1234567890cc"}', persistent: null });
  });

  it('leaves a session without an absolute end without one, whatever idle timeout it is given', async () => {
    const id = await create();
    const commit = (lifetime: { ttl: number; absolute: number | null | undefined } | null) =>
      store.commit(id, 0, { data: null, lifetime, renew: false });
    expect(await commit({ ttl: 5 * MINUTE, absolute: undefined })).toMatchObject({ ttl: 5 * MINUTE, endsAt: null });
    expect(await commit({ ttl: MINUTE, absolute: 9 * MINUTE })).toMatchObject({ endsAt: store.time + 9 * MINUTE });
    expect(await commit(null)).toMatchObject({ ttl: MINUTE, endsAt: store.time + 9 * MINUTE });
    expect(await commit({ ttl: 20 * MINUTE, absolute: undefined })).toMatchObject({ endsAt: store.time + 20 * MINUTE });
    expect(await commit({ ttl: MINUTE, absolute: undefined })).toMatchObject({ endsAt: store.time + 20 * MINUTE });
    expect(await commit({ ttl: MINUTE, absolute: null })).toMatchObject({ endsAt: null });
  });

  it('leaves an absolute end that is nearer than the idle timeout where it is, unless a lifetime is set', async () => {
    const id = await create({ lifetime: { ttl: 9 * MINUTE, absolute: MINUTE } });
    const commit = (lifetime: { ttl: number; absolute: undefined } | null) =>
      store.commit(id, 0, { data: null, lifetime, renew: true });
    const end = store.time + MINUTE;
    expect(await commit(null)).toMatchObject({ endsAt: end, expiresAt: end });
    expect(await commit({ ttl: 9 * MINUTE, absolute: undefined })).toMatchObject({ endsAt: store.time + 9 * MINUTE });
  });

  it('takes a session over once, without signing its user in, and none that is stored elsewhere', async () => {
    const [id, other] = [createSessionId(), createSessionId()];
    const adopt = (of: SessionId, sid: string | null = null) => {
      const lifetime = { ttl: MINUTE, absolute: null };
      const rest = { userId: 'ada', auth: null, data: '{}', lifetime, ip: null, userAgent: null };
      return store.adopt({ id: of, secretHash: randomBytes(32), ...rest }, sid);
    };
    expect(await adopt(id)).toMatchObject({ id, userId: 'ada', authenticatedAt: null });
    expect([await adopt(id), await adopt(other, 'sid'), await store.count()]).toEqual([null, null, 1]);
    store.time += MINUTE;
    expect(await adopt(id)).toMatchObject({ id });
  });

  it('changes nothing of a session that is not there', async () => {
    const change = jest.fn<() => null>(() => null);
    expect(await store.update(createSessionId(), null, change)).toBeNull();
    expect(change).not.toHaveBeenCalled();
  });

  it('deletes a session that is there, and no other', async () => {
    const id = await create();
    expect([await store.delete(createSessionId(), null), await store.delete(createSessionId(), null, 'ada')]).toEqual([
      false,
      false,
    ]);
    expect([await store.delete(id, null, 'bob'), await store.delete(id, null, 'ada')]).toEqual([false, true]);
  });
});
