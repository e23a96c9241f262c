import { beforeEach, describe, expect, it } from '@jest/globals';
import { SessionDataError } from '../../../lib/session.errors.js';
import { encodeJson } from '../../../lib/session/data/json.js';
import { issueCredential } from '../../../lib/session/token.js';
import { ActiveSession } from '../../../lib/session/active-session.js';
import type { SessionEnvironment } from '../../../lib/session/session-environment.js';
import type { SessionStore } from '../../../lib/session-store.js';
import type { StoredSession } from '../../../lib/session/stored-session.js';
import { merge } from './data/documents.js';

const ID = '0199a1b2-c3d4-7e5f-8a6b-0123456789ab';

/** A store of one row, which answers a call when the test says so, and fails it when told to. */
class OneRow {
  data: Record<string, any> = { n: 1, l: ['a'] };
  failure: Error | null = null;
  #gate = Promise.withResolvers<void>();

  stored = (): StoredSession => ({ ...BARE, data: JSON.stringify(this.data) });

  /** Lets the call that waits be answered. */
  answer(): void {
    this.#gate.resolve();
    this.#gate = Promise.withResolvers();
  }

  readonly store = {
    now: () => 0,
    commit: async (_id: string, _generation: number, { data }: { data: Parameters<typeof merge>[1] | null }) => {
      await this.#gate.promise;
      if (this.failure) throw this.failure;
      if (data) this.data = merge(this.data, data);
      return { ttl: 1e6, lastAccessAt: 0, expiresAt: 1e6, endsAt: null };
    },
    delete: async () => {
      await this.#gate.promise;
      if (this.failure) throw this.failure;
      return true;
    },
    login: async ({ changes }: { changes: Parameters<typeof merge>[1] | null }) => {
      await this.#gate.promise;
      if (this.failure) throw this.failure;
      if (changes) this.data = merge(this.data, changes);
      return this.stored();
    },
    update: async (_id: string, _generation: number, change: (stored: StoredSession) => { data: any } | null) => {
      await this.#gate.promise;
      const stored = this.stored();
      const changes = change(stored);
      if (changes) this.data = merge(this.data, changes.data);
      return stored;
    },
  } as unknown as SessionStore;
}

const credential = issueCredential(ID);
const BARE = {
  id: ID,
  secretHash: credential.secretHash,
  previousSecretHash: null,
  rotatedAt: null,
  generation: 0,
  userId: null,
  auth: null,
  authenticatedAt: null,
  data: '{}',
  ttl: 1e6,
  createdAt: 0,
  lastAccessAt: 0,
  expiresAt: 1e6,
  endsAt: null,
  ip: null,
  userAgent: null,
  persistent: null,
  readAt: 0,
} satisfies StoredSession;

describe('what a handler changes while the store is at work', () => {
  let row: OneRow;
  let session: ActiveSession;

  beforeEach(() => {
    row = new OneRow();
    const visitor = { ip: null, userAgent: null, assertReachable: () => {} };
    const env: Partial<SessionEnvironment> = {
      store: row.store,
      lifetime: { ttl: 1e6, absolute: null },
      saveUninitialized: false,
      dropsAtEnd: () => true,
      maxSessionsPerUser: null,
      renew: () => {},
      renewsAtOnce: false,
      commits: { written: 0, conflicts: 0, failed: 0 },
      endings: { count: 0 },
      emit: () => {},
      refused: () => {},
    };
    session = new ActiveSession(env as SessionEnvironment, visitor, {
      stored: row.stored(),
      credential,
      recognition: 'current',
    });
  });

  /** Changes something of every kind. */
  function change(by: number): void {
    session.increment('n', by);
    session.push('l', by);
    session.set(`s${by}`, by);
  }

  async function saved(): Promise<Record<string, unknown>> {
    const saving = session.save();
    row.answer();
    await saving;
    expect(session.isModified).toBe(false);
    return row.data;
  }

  it('on a save is stored by the next one', async () => {
    change(1);
    const saving = session.save();
    change(10);
    row.answer();
    await saving;
    expect(row.data).toEqual({ n: 2, l: ['a', 1], s1: 1 });
    expect(await saved()).toEqual({ n: 12, l: ['a', 1, 10], s1: 1, s10: 10 });
  });

  it('on a save that fails is stored by the next one, with what that one was to store', async () => {
    change(1);
    row.failure = new Error('down');
    const saving = session.save();
    change(10);
    row.answer();
    await expect(saving).rejects.toBe(row.failure);
    row.failure = null;
    expect(await saved()).toEqual({ n: 12, l: ['a', 1, 10], s1: 1, s10: 10 });
  });

  it('on a save of a lifetime is that lifetime, before the store has answered and after', async () => {
    session.setTtl(5_000);
    const saving = session.save();
    expect([session.ttl, session.expiresAt.getTime()]).toEqual([5_000, 5_000]);
    row.answer();
    await saving;
    expect(session.isModified).toBe(false);
  });

  it('before a login is stored by it', async () => {
    change(1);
    const login = session.login('ada');
    row.answer();
    await login;
    expect(row.data).toEqual({ n: 2, l: ['a', 1], s1: 1 });
    expect(session.isModified).toBe(false);
  });

  it.each([
    ['destroy()', () => session.destroy()],
    ['logout()', () => session.logout()],
    ['restart()', () => session.restart()],
  ])('on an end that fails is written to the session, which is as it was: %s', async (_name, end) => {
    const { data } = session;
    change(1);
    session.setTtl(5_000);
    row.failure = new Error('down');
    const ending = end();
    expect({ ...session.data }).toEqual({});
    session.set('s10', 10).set('n', 7);
    row.answer();
    await expect(ending).rejects.toBe(row.failure);
    row.failure = null;
    expect(session.data).toBe(data);
    expect([{ ...data }, session.ttl]).toEqual([{ n: 7, l: ['a', 1], s1: 1, s10: 10 }, 5_000]);
    expect(await saved()).toEqual({ n: 7, l: ['a', 1], s1: 1, s10: 10 });
  });

  it('on a save that fails while the session is being ended is not taken for the new session’s', async () => {
    change(1);
    row.failure = new Error('down');
    const saving = session.save();
    const ending = session.destroy();
    session.set('fresh', 1);
    row.answer();
    await expect(saving).rejects.toBe(row.failure);
    row.failure = null;
    row.answer();
    await ending;
    expect([session.toJSON(), session.isModified]).toEqual([{ fresh: 1 }, true]);
  });

  it('is found by settle(true), which says at once when there is nothing to do', async () => {
    expect(session.settle(true)).toBeNull();
    const { data } = session;
    expect(session.settle(true)).toBeNull();
    data['n'] = 2;
    const committing = session.settle(true);
    change(10);
    row.answer();
    await committing;
    expect(row.data).toEqual({ n: 2, l: ['a'] });
    const second = session.settle(true);
    row.answer();
    await second;
    expect(row.data).toEqual({ n: 12, l: ['a', 10], s10: 10 });
    expect([session.settle(true), session.settle(false)]).toEqual([null, null]);
  });

  it('is found once, for a commit that is awaited by settle(true)', async () => {
    let reads = 0;
    const item = {
      get x() {
        reads++;
        return 1;
      },
    };
    session.set('item', item);
    // To compare, and to write down.
    const committing = session.settle(true);
    const once = reads;
    row.answer();
    await committing;
    reads = 0;
    encodeJson(item, 'item');
    expect(once).toBe(reads);
  });

  it('and cannot be stored is reported by settle(true) once, and dropped when it was refused before', async () => {
    session.set('ok', 1).set('bad', 1n);
    await expect(session.settle(true)).rejects.toThrow(SessionDataError);
    await expect(session.save()).rejects.toThrow(SessionDataError);
    const committing = session.settle(true);
    await new Promise((resolve) => setImmediate(resolve));
    row.answer();
    await committing;
    expect(row.data).toEqual({ n: 1, l: ['a'], ok: 1 });
  });

  describe('what was wrong once', () => {
    it('on a login is stored by the next save: every increment and every pushed item counts', async () => {
      change(1);
      const login = session.login('ada');
      change(10);
      row.answer();
      await login;
      row.data['l'].push('parallel');
      row.data['n'] += 100;
      expect(await saved()).toEqual({ n: 112, l: ['a', 1, 'parallel', 10], s1: 1, s10: 10 });
    });

    it('on an update() is stored by the next save, or was refused: never dropped without a word', async () => {
      const update = session.update((data) => (data['u'] = 1));
      await new Promise((resolve) => setImmediate(resolve));
      let refused = false;
      try {
        change(10);
      } catch {
        refused = true;
      }
      row.answer();
      await update;
      expect(refused || (await saved())).toEqual(refused || { n: 11, l: ['a', 10], s10: 10, u: 1 });
    });

    it('get() finds null where null stands', () => {
      session.set('x', null);
      expect(session.has('x')).toBe(true);
      expect(session.get('x')).toBeNull();
    });

    it('toJSON() copies the top-level keys, which can be changed without changing the session', () => {
      delete session.toJSON()['l'];
      expect(session.data['l']).toEqual(['a']);
    });
  });
});
