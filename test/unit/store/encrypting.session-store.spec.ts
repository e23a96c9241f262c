import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { SessionStoreUnavailableError } from '../../../lib/session.errors.js';
import type { DataChanges, SessionChanges } from '../../../lib/session/data/changes.js';
import type { StoredSession } from '../../../lib/session/stored-session.js';
import { createSessionId, type SessionId } from '../../../lib/session/token.js';
import { EncryptingSessionStore, withEncryption } from '../../../lib/store/encrypting.session-store.js';
import { KeyRing } from '../../../lib/store/encryption.js';
import { MemorySessionStore } from '../../../lib/store/memory.session-store.js';
import { blockFor } from '../../support/block.js';
import { StoreReports } from '../../support/store-listener.js';
import { mapsWith } from './maps.js';

const KEY = randomBytes(32);
const MINUTE = 60_000;

/** It notes which of its methods are called. */
class InnerStore extends MemorySessionStore {
  calls: string[] = [];

  override find(...args: Parameters<MemorySessionStore['find']>): ReturnType<MemorySessionStore['find']> {
    this.calls.push('find');
    return super.find(...args);
  }

  override commit(...args: Parameters<MemorySessionStore['commit']>): ReturnType<MemorySessionStore['commit']> {
    this.calls.push('commit');
    return super.commit(...args);
  }

  override update(...args: Parameters<MemorySessionStore['update']>): ReturnType<MemorySessionStore['update']> {
    this.calls.push('update');
    return super.update(...args);
  }
}

describe('Encryption in front of a store', () => {
  let inner: InnerStore;
  let store: EncryptingSessionStore;
  let unreadable: [SessionId, string][];

  beforeEach(() => {
    inner = new InnerStore({ maxDataBytes: 65_536 });
    unreadable = [];
    store = open();
  });

  function open(keys = [KEY], acceptPlain = true, queryTimeout = 1_000): EncryptingSessionStore {
    return new EncryptingSessionStore(inner, new KeyRing(keys), (...what) => unreadable.push(what), {
      queryTimeout,
      acceptPlain,
    });
  }

  async function create(data: object = { n: 1, list: ['a'], text: 'secret' }, by = store): Promise<SessionId> {
    const id = createSessionId();
    const rest = { auth: '{"roles":["admin"]}', lifetime: { ttl: MINUTE, absolute: null }, ip: null, userAgent: null };
    await by.create({ id, secretHash: randomBytes(32), userId: 'ada', data: JSON.stringify(data), ...rest });
    inner.calls = [];
    return id;
  }

  function changes(data: Partial<DataChanges> | null): SessionChanges {
    const none = { set: new Map(), unset: [], increment: new Map(), push: new Map() };
    return { data: data && { ...none, ...data }, lifetime: null, renew: true };
  }

  const sealed = async (id: SessionId): Promise<StoredSession> => (await inner.find(id)) as StoredSession;
  const dataOf = async (id: SessionId, by = store): Promise<unknown> =>
    JSON.parse(((await by.find(id)) as StoredSession).data);

  it('leaves nothing readable in the store but the names of the keys', async () => {
    const id = await create();
    await store.commit(id, 0, changes({ set: new Map([['new', '"secret"']]) }));
    await store.commit(id, 0, changes({ push: new Map([['list', '["secret"]']]) }));
    const { data, auth } = await sealed(id);
    expect(Object.keys(JSON.parse(data) as object).toSorted()).toEqual(['list', 'n', 'new', 'text']);
    for (const value of [...Object.values(JSON.parse(data) as object), JSON.parse(auth as string)]) {
      expect(KeyRing.isSealed(value as string)).toBe(true);
    }
    expect(data + auth).not.toMatch(/secret|admin/);
    expect(await dataOf(id)).toEqual({ n: 1, list: ['a', 'secret'], text: 'secret', new: 'secret' });
  });

  it('gives back what was created, found, found of several, and updated', async () => {
    const id = await create();
    const plain = { auth: '{"roles":["admin"]}', data: '{"n":1,"list":["a"],"text":"secret"}' };
    expect(await store.find(id)).toMatchObject(plain);
    expect(await store.findOneOf([id], () => id)).toMatchObject(plain);
    expect(await store.update(id, 0, () => null)).toMatchObject(plain);
    expect([await store.find(createSessionId()), await store.findOneOf([id], () => null)]).toEqual([null, null]);
    expect(await store.update(createSessionId(), 0, () => null)).toBeNull();
  });

  it('seals a session that is taken over', async () => {
    const id = createSessionId();
    const rest = { lifetime: { ttl: MINUTE, absolute: null }, ip: null, userAgent: null, userId: 'ada' };
    const adopt = () =>
      store.adopt({ id, secretHash: randomBytes(32), auth: '{"a":1}', data: '{"text":"secret"}', ...rest }, null);
    expect(await adopt()).toMatchObject({ id, auth: '{"a":1}', data: '{"text":"secret"}' });
    expect(JSON.stringify(await sealed(id))).not.toMatch(/secret"|\\"a\\"/);
    expect([await adopt(), await dataOf(id)]).toEqual([null, { text: 'secret' }]);
  });

  it('reports nothing of what it can open', async () => {
    const id = await create();
    const { auth, data } = (await store.find(id)) as StoredSession;
    expect([auth, JSON.parse(data), unreadable]).toEqual([
      '{"roles":["admin"]}',
      { n: 1, list: ['a'], text: 'secret' },
      [],
    ]);
  });

  it('shows an update what is there in plain text, and seals what it writes', async () => {
    const id = await create();
    const updated = await store.update(id, 0, ({ data, auth }) => {
      expect([JSON.parse(data), auth]).toEqual([{ n: 1, list: ['a'], text: 'secret' }, '{"roles":["admin"]}']);
      return changes({ set: new Map([['n', '2']]), increment: new Map([['m', 3]]), unset: ['text'] });
    });
    expect(updated).not.toBeNull();
    expect(await dataOf(id)).toEqual({ n: 2, list: ['a'], m: 3 });
  });

  it('sends changes that add nothing on at once, and adds by what it has found', async () => {
    const id = await create();
    await store.commit(id, 0, changes(null));
    await store.commit(id, 0, changes({ set: new Map([['n', '5']]) }));
    expect(inner.calls).toEqual(['commit', 'commit']);
    await store.commit(id, 0, changes({ increment: new Map([['n', 2]]) }));
    expect(inner.calls.slice(2, 3)).toEqual(['find']);
    expect(await dataOf(id)).toMatchObject({ n: 7 });
  });

  it('adds exactly, whatever is written by others meanwhile, and gives the times', async () => {
    const id = await create();
    inner.commitIf = async (...args) => {
      delete (inner as Partial<InnerStore>).commitIf;
      await open().commit(id, 0, changes({ set: new Map([['n', '10']]) }));
      return inner.commitIf(...args);
    };
    const times = await store.commit(id, 0, changes({ increment: new Map([['n', 1]]) }));
    const { ttl, lastAccessAt, expiresAt, endsAt } = await sealed(id);
    expect([await dataOf(id), times]).toEqual([
      { n: 11, list: ['a'], text: 'secret' },
      { ttl, lastAccessAt, expiresAt, endsAt },
    ]);
    await Promise.all(
      Array.from({ length: 20 }, () => store.commit(id, 0, changes({ increment: new Map([['n', 1]]) }))),
    );
    expect(await dataOf(id)).toMatchObject({ n: 31 });
  });

  it('adds for one session at a time: those that wait meanwhile share the next look-up', async () => {
    const [id, other] = [await create(), await create()];
    const gate = Promise.withResolvers<void>();
    const find = inner.find.bind(inner);
    inner.find = async (...args) => {
      await gate.promise;
      return find(...args);
    };
    const add = (to: SessionId) => store.commit(to, 0, changes({ increment: new Map([['n', 1]]) }));
    const first = add(id);
    await new Promise((resolve) => setImmediate(resolve));
    const rest = [add(id), add(id), add(id), add(other)];
    await new Promise((resolve) => setImmediate(resolve));
    gate.resolve();
    await Promise.all([first, ...rest]);
    expect(inner.calls.filter((call) => call === 'find')).toHaveLength(3);
    expect([await dataOf(id), await dataOf(other)]).toMatchObject([{ n: 5 }, { n: 2 }]);
  });

  it('has what comes later wait for those that wait already', async () => {
    const id = await create();
    const add = () => store.commit(id, 0, changes({ increment: new Map([['n', 1]]) }));
    const gates: (() => void)[] = [];
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    const find = inner.find.bind(inner);
    inner.find = async (...args) => {
      await new Promise<void>((resolve) => gates.push(resolve));
      return find(...args);
    };
    const first = add();
    await turn();
    const second = add();
    gates.shift()?.();
    await first;
    await turn();
    const third = add();
    await turn();
    expect(gates).toHaveLength(1);
    while (gates.length > 0) {
      gates.shift()?.();
      await turn();
    }
    await Promise.all([second, third]);
    inner.find = find;
    expect(await dataOf(id)).toMatchObject({ n: 4 });
  });

  it('keeps nothing of additions that are over', async () => {
    const id = await create();
    const add = () => store.commit(id, 0, changes({ increment: new Map([['n', 1]]) }));
    const maps = await mapsWith(id, () => Promise.all([add(), add()]));
    // Those under way, and the queue of the batcher that they share; then the inner store’s, once for each of the two.
    expect(maps.map(({ size }) => size)).toEqual([0, 0, expect.anything(), expect.anything()]);
    expect(maps[2]).toBe(maps[3]);
  });

  describe('where what is there cannot be opened', () => {
    const add = changes({ increment: new Map([['n', 2]]) });
    const pushTo = changes({ push: new Map([['list', '["b"]']]) });
    const refused = (path: string) => ({
      path,
      message: expect.stringContaining(`${JSON.stringify(path)} cannot be decrypted`),
    });

    it('refuses to add to it, by name, and leaves it to the process that has its key', async () => {
      const other = open([randomBytes(32)]);
      const id = await create({ n: 5, list: ['a'] }, other);
      await expect(store.commit(id, 0, add)).rejects.toMatchObject(refused('n'));
      await expect(store.commit(id, 0, pushTo)).rejects.toMatchObject(refused('list'));
      await expect(store.update(id, 0, () => add)).rejects.toMatchObject(refused('n'));
      expect(await dataOf(id, other)).toEqual({ n: 5, list: ['a'] });
      await store.commit(id, 0, changes({ set: new Map([['n', '1']]) }));
      await store.commit(id, 0, add);
      expect([await dataOf(id), await dataOf(id, other)]).toEqual([{ n: 3 }, { list: ['a'] }]);
    });

    it('signs nobody in with an addition to it', async () => {
      const other = open([randomBytes(32)]);
      const id = await create({ list: ['a'] }, other);
      const who = { secretHash: randomBytes(32), userId: 'ada', auth: null, lifetime: { ttl: MINUTE, absolute: null } };
      const login = { id, generation: 0, ...who, flush: false, changes: pushTo.data };
      await expect(store.login(login)).rejects.toMatchObject(refused('list'));
      expect(await sealed(id)).toMatchObject({ generation: 0 });
      expect(await dataOf(id, other)).toEqual({ list: ['a'] });
    });

    it('finds what another process has sealed since this one has found it', async () => {
      const id = await create({ n: 5 });
      const other = open([randomBytes(32), KEY]);
      for (let times = 0; times < 3; times++) await dataOf(id);
      await other.commit(id, 0, add);
      await expect(store.commit(id, 0, add)).rejects.toMatchObject(refused('n'));
      expect(await dataOf(id, other)).toEqual({ n: 7 });
    });

    it.each(['of a later version', 'cut short', 'moved from another key'])('refuses what is %s', async (what) => {
      const id = await create({ n: 5, m: 1 });
      const { n, m } = JSON.parse((await sealed(id)).data) as { n: string; m: string };
      const texts = [n.replace('$enc1', '$enc2'), n.slice(0, 20), m];
      const stored = texts[['of a later version', 'cut short', 'moved from another key'].indexOf(what)];
      const put = changes({ set: new Map([['n', JSON.stringify(stored)]]) });
      await inner.commit(id, 0, put);
      await expect(store.commit(id, 0, add)).rejects.toMatchObject(refused('n'));
      expect(JSON.parse((await sealed(id)).data)).toMatchObject({ n: stored });
    });
  });

  it('finds that the session is gone, or of another login, where it adds', async () => {
    const id = await create();
    const add = changes({ increment: new Map([['n', 1]]) });
    expect(await store.commit(id, 7, add)).toBeNull();
    inner.commitIf = async () => {
      await inner.delete(id, null);
      return 'changed';
    };
    expect([await store.commit(id, 0, add), await store.commit(id, 0, add)]).toEqual([null, null]);
  });

  it('refuses to add to what is no number', async () => {
    const id = await create();
    const add = changes({ increment: new Map([['text', 1]]) });
    await expect(store.commit(id, 0, add)).rejects.toMatchObject({ path: 'text' });
  });

  it('gives an addition no more time than a store operation has', async () => {
    store = open([KEY], true, 50);
    const id = await create();
    inner.find = () => new Promise(() => {});
    const add = changes({ increment: new Map([['n', 1]]) });
    const error: unknown = await store.commit(id, 0, add).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SessionStoreUnavailableError);
    expect(String(error)).toContain('could not save a session');
  });

  it('gives up no addition that the store is still writing, which may have a clock of its own', async () => {
    store = open([KEY], true, 20);
    const id = await create();
    inner.commitIf = async (...args) => {
      await new Promise((resolve) => setTimeout(resolve, 100));
      return MemorySessionStore.prototype.commitIf.apply(inner, args);
    };
    expect(await store.commit(id, 0, changes({ increment: new Map([['n', 1]]) }))).not.toBeNull();
    expect(await dataOf(id)).toMatchObject({ n: 2 });
  });

  it('adds nothing to what is found too late', async () => {
    store = open([KEY], true, 20);
    const id = await create();
    inner.find = async () => {
      delete (inner as Partial<InnerStore>).find;
      await new Promise((resolve) => setTimeout(resolve, 100));
      return inner.find(id);
    };
    const adding = store.commit(id, 0, changes({ increment: new Map([['n', 1]]) }));
    await expect(adding).rejects.toThrow(SessionStoreUnavailableError);
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(await dataOf(id)).toMatchObject({ n: 1 });
  });

  it('gives an addition the time besides for which this process was blocked', async () => {
    store = open([KEY], true, 200);
    await store.open(new StoreReports());
    const id = await create();
    inner.find = async () => {
      delete (inner as Partial<InnerStore>).find;
      await new Promise((resolve) => setTimeout(resolve, 450));
      return inner.find(id);
    };
    const adding = store.commit(id, 0, changes({ increment: new Map([['n', 1]]) }));
    blockFor(400);
    expect(await adding).not.toBeNull();
    await store.close();
  });

  describe('by what was found last', () => {
    const add = changes({ increment: new Map([['n', 1]]) });
    /** Adds one, and says by what calls of the inner store. */
    async function callsToAdd(id: SessionId, more = add): Promise<string[]> {
      inner.calls = [];
      expect(await store.commit(id, 0, more)).not.toBeNull();
      return inner.calls;
    }
    /** Finds the session, and reads all of it, so often that it is kept. */
    async function know(id: SessionId): Promise<void> {
      for (let times = 0; times < 3; times++) {
        const { data, auth } = (await store.find(id)) as StoredSession;
        expect([data, auth]).toEqual([expect.any(String), '{"roles":["admin"]}']);
      }
    }

    it('adds without another look-up to what the request has found, once', async () => {
      const id = await create();
      await store.find(id);
      expect(await callsToAdd(id)).toEqual(['update']);
      expect(await callsToAdd(id)).toEqual(['find', 'update']);
      expect(await dataOf(id)).toMatchObject({ n: 3 });
    });

    it('adds to what it knows, and knows what it has added', async () => {
      const id = await create();
      await know(id);
      const both = changes({ increment: new Map([['n', 2]]), push: new Map([['list', '["b"]']]) });
      for (const more of [add, both, add]) expect(await callsToAdd(id, more)).toEqual(['update']);
      expect(await dataOf(id)).toEqual({ n: 5, list: ['a', 'b'], text: 'secret' });
    });

    it('looks for what it does not know to be there', async () => {
      const id = await create();
      await know(id);
      const more = changes({
        increment: new Map([
          ['n', 1],
          ['m', 1],
        ]),
      });
      expect(await callsToAdd(id, more)).toEqual(['update']);
      expect(await callsToAdd(id, more)).toEqual(['find', 'update']);
      expect(await dataOf(id)).toMatchObject({ n: 3, m: 2 });
    });

    it.each<[string, (id: SessionId) => Promise<unknown>]>([
      ['found', (id) => store.find(id)],
      ['knew', know],
    ])('looks again where another process has changed what it %s', async (_what, find) => {
      const id = await create();
      await find(id);
      await open().commit(id, 0, changes({ set: new Map([['n', '10']]) }));
      expect(await callsToAdd(id)).toEqual(['update', 'find', 'update']);
      expect(await dataOf(id)).toMatchObject({ n: 11 });
    });

    it('adds to what can be added to by now, though it could not when it was found', async () => {
      const id = await create();
      await store.find(id);
      await open().commit(id, 0, changes({ set: new Map([['text', '1']]) }));
      await store.commit(id, 0, changes({ increment: new Map([['text', 1]]) }));
      expect(await dataOf(id)).toMatchObject({ text: 2 });
    });

    it('hands on the failure of the store, and tries it no second time', async () => {
      const id = await create();
      await store.find(id);
      const down = new SessionStoreUnavailableError('save a session');
      let tried = 0;
      inner.commitIf = async () => {
        tried += 1;
        throw down;
      };
      await expect(store.commit(id, 0, add)).rejects.toBe(down);
      expect(tried).toBe(1);
    });

    it('does not add to what it found before it was told to end the session', async () => {
      const id = await create();
      await store.find(id);
      await store.delete(id, 7);
      expect(await callsToAdd(id)).toEqual(['find', 'update']);
      await store.find(id);
      await store.delete(id, 0);
      expect(await store.commit(id, 0, add)).toBeNull();
    });
  });

  it('reads, changes and ends sessions where it keeps nothing of what it has opened', async () => {
    store = new EncryptingSessionStore(inner, new KeyRing([KEY]), () => {}, { keepOpened: false });
    const id = await create();
    await store.commit(id, 0, changes({ set: new Map([['n', '2']]) }));
    await store.commit(id, 0, changes({ increment: new Map([['n', 1]]) }));
    expect([await dataOf(id), await store.delete(id, 0)]).toEqual([{ n: 3, list: ['a'], text: 'secret' }, true]);
    expect(await store.find(id)).toBeNull();
  });

  it('reports nothing where it adds to what is not there', async () => {
    store = open([KEY], false);
    const id = await create();
    await store.commit(id, 0, changes({ increment: new Map([['m', 1]]), push: new Map([['more', '[1]']]) }));
    expect([await dataOf(id), unreadable]).toEqual([{ n: 1, list: ['a'], text: 'secret', m: 1, more: [1] }, []]);
  });

  it('seals the snapshot of a login under its generation, and adds to the data as it is then', async () => {
    const id = await create();
    const login = (generation: number, more: object) => ({
      id,
      generation,
      secretHash: randomBytes(32),
      userId: 'ada',
      auth: '{"roles":["editor"]}',
      lifetime: { ttl: MINUTE, absolute: null },
      flush: false,
      changes: null,
      ...more,
    });
    const add = changes({
      set: new Map([['m', '1']]),
      increment: new Map([['n', 2]]),
      push: new Map([['list', '["b"]']]),
    });
    const first = await store.login(login(0, { changes: add.data }));
    expect([first?.auth, JSON.parse(first?.data as string)]).toEqual([
      '{"roles":["editor"]}',
      { n: 3, list: ['a', 'b'], text: 'secret', m: 1 },
    ]);
    const set = changes({ set: new Map([['m', '2']]) });
    expect(JSON.parse((await store.login(login(1, { changes: set.data })))?.data as string)).toMatchObject({ m: 2 });
    expect((await store.login(login(2, { flush: true, changes: add.data })))?.data).toBe('{}');
    expect(await store.login(login(0, {}))).toBeNull();
    const { data, auth } = await sealed(id);
    expect([data, KeyRing.isSealed(JSON.parse(auth as string) as string)]).toEqual(['{}', true]);
  });

  it('opens no snapshot under another generation, and no value in another session', async () => {
    const [one, other] = [await create(), await create({ n: 2 })];
    const { data, auth } = await sealed(one);
    inner.find = async (id) => ({ ...(await sealedOf(id)), data, auth, generation: id === one ? 1 : 0 });
    const sealedOf = MemorySessionStore.prototype.find.bind(inner) as (id: SessionId) => Promise<StoredSession>;
    expect(await store.find(one)).toMatchObject({ auth: null });
    expect(await store.find(other)).toMatchObject({ auth: null, data: '{}' });
    expect(unreadable).toEqual([
      [one, 'auth'],
      [other, 'auth'],
      [other, 'data at "n"'],
      [other, 'data at "list"'],
      [other, 'data at "text"'],
    ]);
  });

  it('reads what is plain as it is, or as absent where it is not to be believed', async () => {
    const id = createSessionId();
    const rest = { lifetime: { ttl: MINUTE, absolute: null }, ip: null, userAgent: null, userId: 'ada' };
    await inner.create({ id, secretHash: randomBytes(32), auth: '{"a":1}', data: '{"n":1}', ...rest });
    expect(await store.find(id)).toMatchObject({ auth: '{"a":1}', data: '{"n":1}' });
    expect(await new EncryptingSessionStore(inner, new KeyRing([KEY]), () => {}).find(id)).toMatchObject({
      data: '{"n":1}',
    });
    expect(await open([KEY], false).find(id)).toMatchObject({ auth: null, data: '{}' });
    await store.commit(id, 0, changes({ increment: new Map([['n', 1]]) }));
    expect(await open([KEY], false).find(id)).toMatchObject({ auth: null, data: '{"n":2}' });
  });
});

describe('Data that are no readable document', () => {
  const deep = `{"role":"admin","seen":${'['.repeat(70)}${']'.repeat(70)}}`;
  const TEXTS: [string, string][] = [
    ['a list', '["admin"]'],
    ['a text', '"admin"'],
    ['null', 'null'],
    ['nested too deep', deep],
    ['missing', null as unknown as string],
  ];

  async function found(data: string, acceptPlain: boolean): Promise<unknown[]> {
    const inner = new InnerStore({ maxDataBytes: 65_536 });
    const unreadable: string[] = [];
    const store = new EncryptingSessionStore(inner, new KeyRing([KEY]), (_id, what) => unreadable.push(what), {
      acceptPlain,
    });
    const id = createSessionId();
    const lifetime = { ttl: MINUTE, absolute: null };
    const rest = { userId: null, auth: null, ip: null, userAgent: null, lifetime };
    await store.create({ id, secretHash: randomBytes(32), data: '{"n":1}', ...rest });
    const find = inner.find.bind(inner);
    inner.find = async (...args) => ({ ...((await find(...args)) as StoredSession), data });
    const read = async () => ((await store.find(id)) as StoredSession).data;
    return [await read(), await read(), await read(), unreadable];
  }

  it.each(TEXTS)('are absent, and reported once, where what is plain is not believed: %s', async (_what, data) => {
    expect(await found(data, false)).toEqual(['{}', '{}', '{}', ['data']]);
  });

  it.each(TEXTS)('are for the reader to report where it is: %s', async (_what, data) => {
    expect(await found(data, true)).toEqual([data, data, data, []]);
  });
});

describe('withEncryption', () => {
  const inner = new InnerStore({ maxDataBytes: 65_536 });
  const settings = { keys: new KeyRing([KEY]), acceptPlain: false, keepOpened: true, seal: true };
  const session = { secretHash: randomBytes(32), userId: null, auth: null, data: '{"n":1}', ip: null, userAgent: null };
  const lifetime = { ttl: MINUTE, absolute: null };

  it('gives what is plain as the store does where nothing is to be encrypted, and finds what is sealed absent', async () => {
    const unreadable: unknown[] = [];
    const store = withEncryption(inner, { encryption: null, queryTimeout: 1 }, (...what) => unreadable.push(what));
    const sealing = withEncryption(inner, { encryption: settings, queryTimeout: 1_000 }, () => {});
    const [sealed, plain] = [createSessionId(), createSessionId()];
    await sealing.create({ ...session, id: sealed, lifetime });
    await store.create({ ...session, id: plain, lifetime });
    expect([(await store.find(sealed))?.data, (await store.find(plain))?.data]).toEqual(['{}', '{"n":1}']);
    expect(unreadable).toEqual([[sealed, 'data at "n"']]);
  });

  it('encrypts as the options say', async () => {
    const unreadable: unknown[] = [];
    const store = withEncryption(inner, { encryption: settings, queryTimeout: 1 }, (...what) => unreadable.push(what));
    const [sealed, plain] = [createSessionId(), createSessionId()];
    await store.create({ ...session, id: sealed, lifetime });
    await inner.create({ ...session, id: plain, lifetime });
    expect([(await store.find(sealed))?.data, (await store.find(plain))?.data]).toEqual(['{"n":1}', '{}']);
    expect(unreadable).toEqual([[plain, 'data at "n"']]);
  });

  it('gives additions the time that operations have', async () => {
    const still = new InnerStore({ maxDataBytes: 65_536 });
    still.now = () => 1_000;
    const deadlines: number[] = [];
    still.commitIf = async (...[, , , , deadline]) => {
      deadlines.push(deadline as number);
      return null;
    };
    const store = withEncryption(still, { encryption: settings, queryTimeout: 5_000 }, () => {});
    const id = createSessionId();
    await store.create({ ...session, id, lifetime });
    const data = { set: new Map(), unset: [], increment: new Map([['n', 1]]), push: new Map() };
    await store.commit(id, 0, { data, lifetime: null, renew: true });
    expect(deadlines).toHaveLength(1);
    // What it has taken so far is gone.
    expect(deadlines[0]).toBeGreaterThan(1_000);
    expect(deadlines[0]).toBeLessThanOrEqual(6_000);
  });
});
