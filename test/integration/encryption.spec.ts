import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { MikroORM, PostgreSqlDriver } from '@mikro-orm/postgresql';
import {
  MemorySessionStore,
  type Session,
  SessionDataError,
  SessionEntity,
  type SessionService,
} from 'nestjs-mikro-session';
import { MikroOrmSessionStore, type SessionChanges, type SessionStore } from 'nestjs-mikro-session/store';
import { sessionStoreContract } from 'nestjs-mikro-session/testing';
import { resolveOptions } from '../../lib/session.options.js';
import { EncryptingSessionStore } from '../../lib/store/encrypting.session-store.js';
import { KeyRing } from '../../lib/store/encryption.js';
import { StoreReports } from '../support/store-listener.js';
import { createDatabase, type TestDatabase } from '../support/database.js';
import { serviceOn } from '../support/service.js';

const OPTIONS = resolveOptions({ ensureSchema: true, queryTimeout: '20s', sweep: false });
const OLD = Buffer.alloc(32, 1);
const NEW = Buffer.alloc(32, 2);
const range = (count: number) => Array.from({ length: count }, (_, index) => index);

/** One process: its own pool, and its own keys, none of which means that it does not encrypt. */
interface Process {
  readonly store: SessionStore;
  readonly sessions: SessionService;
  readonly reports: string[];
}

const count = { tries: 0, transactions: 0 };
/** What happens between a look-up and the commit of what was added to it. */
let meanwhile: (() => Promise<unknown>) | null = null;
class WatchedStore extends MikroOrmSessionStore {
  override async commitIf(...args: Parameters<MikroOrmSessionStore['commitIf']>) {
    count.tries++;
    await meanwhile?.();
    return super.commitIf(...args);
  }

  override update(...args: Parameters<MikroOrmSessionStore['update']>) {
    count.transactions++;
    return super.update(...args);
  }
}

let database: TestDatabase;
const orms: MikroORM[] = [];

const start = (...keys: Buffer[]): Promise<Process> => startWith(true, keys);

async function startWith(acceptPlain: boolean, keys: readonly Buffer[]): Promise<Process> {
  const orm = await MikroORM.init({
    driver: PostgreSqlDriver,
    clientUrl: database.url,
    entities: [SessionEntity],
    pool: { min: 0, max: 4 },
  });
  orms.push(orm);
  const reports: string[] = [];
  const inner = new WatchedStore(orm, OPTIONS);
  const report = (id: string, what: string) => void reports.push(`${id}: ${what}`);
  const store =
    keys.length === 0
      ? inner
      : new EncryptingSessionStore(inner, new KeyRing(keys), report, {
          queryTimeout: OPTIONS.queryTimeout,
          acceptPlain,
        });
  await store.open(new StoreReports());
  return { store, sessions: serviceOn(store, OPTIONS), reports };
}

let plain: Process, one: Process, two: Process, opening: Process, rotated: Process, foreign: Process, strict: Process;
beforeAll(async () => {
  database = await createDatabase();
  plain = await start();
  one = await start(OLD);
  two = await start(OLD);
  opening = await start(OLD, NEW);
  rotated = await start(NEW, OLD);
  foreign = await start(NEW);
  strict = await startWith(false, [OLD]);
});
beforeEach(async () => {
  await database.query('truncate sessions');
  Object.assign(count, { tries: 0, transactions: 0 });
  meanwhile = null;
  for (const { reports } of [one, two, opening, rotated, foreign, strict]) reports.length = 0;
});
afterAll(async () => {
  for (const orm of orms) await orm.close();
  await database.drop();
});

const who = (userId: string) => ({ secretHash: Buffer.alloc(32), userId, auth: null, lifetime: OPTIONS.lifetime });

async function found({ sessions }: Process, id: string): Promise<Session> {
  const session = await sessions.find(id);
  if (session === null) throw new Error('The session is gone.');
  return session;
}

/** Changes a session as a request would: with a session of its own, which it stores in the end. */
async function request(process: Process, id: string, handler: (session: Session) => unknown): Promise<void> {
  const session = await found(process, id);
  await handler(session);
  await session.save();
}

const read = async (process: Process, id: string) => ({ ...(await found(process, id)).data }) as Record<string, any>;

const increment = (key: string, by: number): SessionChanges => ({
  data: { set: new Map(), unset: [], increment: new Map([[key, by]]), push: new Map() },
  lifetime: null,
  renew: true,
});

async function create(process: Process, data: object, more: object = {}): Promise<string> {
  return (await process.sessions.create({ ...more, data: { ...data } })).session.id;
}

interface Row {
  readonly data: Record<string, string>;
  readonly auth: string | null;
  readonly text: string;
}
async function row(id: string): Promise<Row> {
  const [found] = await database.query<Row>('select data, auth, s::text as text from sessions s where id = $1', [id]);
  return found as Row;
}

/** Which key of a ring sealed a value. */
const keyOf = (sealed: string | undefined) => sealed?.split('.')[1];
const [OLD_ID, NEW_ID] = [OLD, NEW].map((key) => new KeyRing([key]).ids[0]);

describe('EncryptingSessionStore', () => {
  const CONTRACT = { maxDataBytes: 65_536 };
  // oxlint-disable-next-line jest/expect-expect -- the contract asserts
  it.each(sessionStoreContract)('in front of PostgreSQL $name', ({ run }) => run(one.store));
  // oxlint-disable-next-line jest/expect-expect -- the contract asserts
  it.each(sessionStoreContract)('in front of memory $name', ({ run }) =>
    run(new EncryptingSessionStore(new MemorySessionStore(CONTRACT), new KeyRing([OLD]), () => {})),
  );

  it('takes a lock for additions only', async () => {
    let locks = 0;
    class CountingStore extends MemorySessionStore {
      override update(...args: Parameters<MemorySessionStore['update']>) {
        locks++;
        return super.update(...args);
      }
    }
    const store = new EncryptingSessionStore(new CountingStore(CONTRACT), new KeyRing([OLD]), () => {});
    const memory = { store, sessions: serviceOn(store, OPTIONS), reports: [] };
    const id = await create(memory, { a: 1 });
    await request(memory, id, (session) => session.set('b', 2).flash('info', 'hello').delete('a'));
    await request(memory, id, (session) => session.setTtl('1h'));
    expect(locks).toBe(0);
    await request(memory, id, (session) => session.increment('n'));
    await request(memory, id, (session) => session.push('list', 1));
    expect(locks).toBe(2);
  });
});

describe('What is in the table', () => {
  it('says nothing of data, flash messages and auth but the names of keys, whichever way they were written', async () => {
    const { session } = await one.sessions.create({
      userId: 'u1',
      auth: { role: 'topsecret1' },
      data: { a: 'topsecret2' },
    });
    const { id } = session;
    await request(one, id, (session) => session.set('b', { deep: ['topsecret3'] }).push('list', 'topsecret4'));
    await request(one, id, (session) => session.flash('topsecret5', 'topsecret6'));
    await request(one, id, (session) => session.increment('n', 918_273_645));
    await one.sessions.update(id, (data) => (data['c'] = 'topsecret7'));
    const { data, auth, text } = await row(id);
    expect(text).not.toMatch(/topsecret|918273645|deep/);
    expect(Object.keys(data).map((key) => key.replace(/:.*/, ''))).toEqual(['a', 'b', 'c', 'n', 'list', '$flash']);
    for (const value of [...Object.values(data), auth]) expect(keyOf(value as string)).toBe(OLD_ID);

    const seen = await found(two, id);
    expect({ ...seen.data }).toEqual({
      a: 'topsecret2',
      b: { deep: ['topsecret3'] },
      c: 'topsecret7',
      list: ['topsecret4'],
      n: 918_273_645,
    });
    expect(seen.flashes()).toEqual([{ category: 'topsecret5', message: 'topsecret6' }]);
    expect([seen.userId, seen.auth]).toEqual(['u1', { role: 'topsecret1' }]);
    expect(two.reports).toEqual([]);
  });

  it('is 4/3 of the plain JSON and 55 bytes for a value, which is what "maxDataBytes" counts', async () => {
    const id = await create(one, { a: 'x'.repeat(2_998) });
    expect(JSON.stringify((await row(id)).data.a)).toHaveLength((3_000 * 4) / 3 + 55);
    await request(one, id, (session) => session.set('b', 'x'.repeat(44_000)));
    const tooLarge = request(one, id, (session) => session.set('b', 'x'.repeat(49_000)));
    await expect(tooLarge).rejects.toThrow(SessionDataError);
    await expect(request(one, id, (session) => session.push('l', 'x'.repeat(49_000)))).rejects.toThrow(/65536 bytes/);
    expect((await read(two, id))['b']).toHaveLength(44_000);
  });
});

describe('Parallel requests in two processes', () => {
  const of = (index: number) => (index % 2 ? one : two);

  it('keep all of 100 keys, 300 increments, 100 items and 100 flash messages', async () => {
    const id = await create(one, { n: 1_000, first: true });
    await Promise.all([
      ...range(100).map((n) => request(of(n), id, (session) => session.set(`k${n}`, { n }))),
      ...range(300).map((n) => request(of(n), id, (session) => session.increment('n', 2))),
      ...range(100).map((n) => request(of(n), id, (session) => session.push('list', n, `${n}`))),
      ...range(100).map((n) => request(of(n), id, (session) => session.flash('info', n))),
    ]);
    const session = await found(one, id);
    const { n, first, list, ...keys } = { ...session.data } as Record<string, any>;
    expect([n, first]).toEqual([1_600, true]);
    expect(keys).toEqual(Object.fromEntries(range(100).map((n) => [`k${n}`, { n }])));
    const numbers = list.filter((item: unknown) => typeof item === 'number').toSorted((a: number, b: number) => a - b);
    expect([numbers, list.length]).toEqual([range(100), 200]);
    const messages = session.flashes().map(({ message }) => message as number);
    expect(messages.toSorted((a, b) => a - b)).toEqual(range(100));
    expect([...one.reports, ...two.reports]).toEqual([]);
  });

  it('are refused by name what does not fit what another has put there, and leave all else as it is', async () => {
    const id = await create(one, { a: 1, n: 1.5e308, list: [] });
    const [adding, pushing, overflowing] = [await found(one, id), await found(one, id), await found(one, id)];
    await request(two, id, (session) => session.set('a', 'text').set('list', { no: 'list' }).set('n', 1e308));
    const refused = (path: string, message: RegExp) => ({
      code: 'ERR_SESSION_DATA',
      path,
      message: expect.stringMatching(message),
    });
    adding.set('more', 1).increment('a');
    await expect(adding.save()).rejects.toMatchObject(refused('a', /^increment\("a"\) met a string, which/));
    pushing.push('list', 1);
    await expect(pushing.save()).rejects.toMatchObject(refused('list', /^push\("list"\) met an object, which/));
    overflowing.increment('n', -1e308);
    await request(two, id, (session) => session.set('n', -1.5e308));
    await expect(overflowing.save()).rejects.toMatchObject(refused('n', /^increment\("n"\) led out of the range/));
    expect(await read(one, id)).toEqual({ a: 'text', list: { no: 'list' }, n: -1.5e308 });
  });

  it('share commits: of 300 additions at once each counts once, but for the one that does not fit', async () => {
    const id = await create(one, { n: 0, text: 'no number' });
    const additions = range(300).map((n) => one.store.commit(id, 0, increment(n === 150 ? 'text' : 'n', 1)));
    const outcomes = await Promise.allSettled(additions);
    const failed = range(300).filter((n) => outcomes[n]?.status === 'rejected');
    expect(failed).toEqual([150]);
    expect(outcomes[150]).toMatchObject({ reason: { code: 'ERR_SESSION_DATA', path: 'text' } });
    expect(await read(two, id)).toEqual({ n: 299, text: 'no number' });
    // Those that were refused together with it try once more, by themselves.
    expect(count.tries).toBeLessThanOrEqual(310);
    count.tries = 0;
    await Promise.all(range(300).map(() => one.store.commit(id, 0, increment('n', 1))));
    expect(await read(two, id)).toEqual({ n: 599, text: 'no number' });
    expect(count.tries).toBeLessThanOrEqual(3);
    expect(count.transactions).toBe(0);
  });

  it.each<[string, unknown[], number, object]>([
    ['n', [10], 0, { n: 12, list: ['a', 'c'], other: 2 }],
    ['list', [['b']], 0, { n: 3, list: ['b', 'c'], other: 2 }],
    ['n', [5, 10], 1, { n: 12, list: ['a', 'c'], other: 2 }],
    ['list', [['x'], ['b']], 1, { n: 3, list: ['b', 'c'], other: 2 }],
  ])(
    'add to what is there if %s has changed since it was looked at, to %j, with %i locks',
    async (key, values, transactions, expected) => {
      const id = await create(one, { n: 1, list: ['a'], other: 1 });
      const left = [...values];
      meanwhile = async () => {
        if (left.length > 0) await request(two, id, (session) => session.set(key, left.shift()));
      };
      await request(one, id, (session) => [
        session.increment('n', 2),
        session.push('list', 'c'),
        session.set('other', 2),
      ]);
      expect(await read(two, id)).toEqual(expected);
      expect(count).toEqual({ tries: 2, transactions });
    },
  );

  it('are refused for what is there, not for what was there when it was looked at', async () => {
    const id = await create(one, { n: 'text' });
    await one.store.find(id);
    await request(two, id, (session) => session.set('n', 1));
    expect(await one.store.commit(id, 0, increment('n', 1))).not.toBeNull();
    expect(await read(two, id)).toEqual({ n: 2 });
  });

  it('do without the lock if something else has changed', async () => {
    const id = await create(one, { n: 1 });
    meanwhile = () => request(two, id, (session) => session.set('other', 1));
    await request(one, id, (session) => session.increment('n', 2));
    expect(await read(two, id)).toEqual({ n: 3, other: 1 });
    expect(count).toEqual({ tries: 1, transactions: 0 });
  });

  it('add nothing to a session that was logged in to, or ended, since it was looked at', async () => {
    const login = { generation: 0, ...who('u1'), flush: false, changes: null };
    const ends: ((id: string) => Promise<unknown>)[] = [
      (id) => one.store.delete(id, 0),
      (id) => one.store.login({ id, ...login }),
    ];
    for (const end of ends) {
      const id = await create(one, { n: 1 });
      meanwhile = () => end(id);
      expect(await one.store.commit(id, 0, increment('n', 1))).toBeNull();
    }
    expect(count).toEqual({ tries: 2, transactions: 0 });
  });

  it('leave nothing of a login that fails', async () => {
    const id = await create(one, { n: 1 });
    const changes = {
      set: new Map([['a', JSON.stringify('x'.repeat(70_000))]]),
      unset: [],
      increment: new Map([['n', 2]]),
      push: new Map<string, string>(),
    };
    const login = one.store.login({ id, generation: 0, ...who('u1'), flush: false, changes });
    await expect(login).rejects.toThrow(SessionDataError);
    expect(await read(two, id)).toEqual({ n: 1 });
  });

  it('count null as nothing, and an absent key', async () => {
    const id = await create(one, { n: null, list: null });
    await request(one, id, (session) => void [session.increment('n'), session.push('list', 1), session.increment('m')]);
    expect(await read(two, id)).toEqual({ n: 1, m: 1, list: [1] });
  });

  it('change the lifetime along with what they add', async () => {
    const id = await create(one, { n: 1 });
    const session = await found(one, id);
    session.setTtl('2h').increment('n');
    await session.save();
    expect(session.ttl).toBe(7_200_000);
    expect([await read(two, id), (await found(two, id)).ttl]).toEqual([{ n: 2 }, 7_200_000]);
    const { expiresAt } = await found(two, id);
    const times = await one.store.commit(id, 0, increment('n', 1));
    expect(times?.expiresAt).toBeGreaterThan(expiresAt.getTime());
    const quiet = await one.store.commit(id, 0, { ...increment('n', 1), renew: false });
    expect(quiet?.expiresAt).toBe(times?.expiresAt);
  });

  it('are refused once the session was logged in to, or is gone', async () => {
    const id = await create(one, { n: 1 });
    const login = (generation: number) =>
      one.store.login({
        id,
        generation,
        secretHash: Buffer.alloc(32),
        userId: 'u1',
        auth: '{"a":1}',
        lifetime: OPTIONS.lifetime,
        flush: false,
        changes: {
          set: new Map([['a', '1']]),
          unset: ['b'],
          increment: new Map([['n', 2]]),
          push: new Map([['list', '[1]']]),
        },
      });
    const [late, dead] = [await found(two, id), await found(two, id)];
    const loggedIn = await login(0);
    expect(JSON.parse(loggedIn?.data as string)).toEqual({ a: 1, list: [1], n: 3 });
    expect([loggedIn?.auth, loggedIn?.generation]).toEqual(['{"a":1}', 1]);
    expect(Object.values((await row(id)).data).map(keyOf)).toEqual([OLD_ID, OLD_ID, OLD_ID]);
    late.increment('n');
    await expect(late.save()).rejects.toMatchObject({ code: 'ERR_SESSION_GONE' });
    expect(await login(0)).toBeNull();
    expect(await read(two, id)).toEqual({ a: 1, list: [1], n: 3 });
    await one.sessions.revoke(id);
    dead.push('list', 2);
    await expect(dead.save()).rejects.toMatchObject({ code: 'ERR_SESSION_GONE' });
    expect(await login(1)).toBeNull();
  });
});

describe('A value that cannot be opened', () => {
  it('is reported once and absent, while all else goes on, and stays for a process that has the key', async () => {
    const id = await create(one, { cart: ['book'], n: 5 }, { userId: 'u1', auth: { roles: ['admin'] } });
    await request(one, id, (session) => session.flash('info', 'hello'));
    await request(foreign, id, (session) => session.set('theirs', 1));
    for (let time = 0; time < 2; time++) {
      const session = await found(foreign, id);
      expect({ ...session.data }).toEqual({ theirs: 1 });
      expect([session.isAuthenticated, session.auth, session.avatar.roles]).toEqual([true, null, []]);
      expect(session.flashes()).toEqual([]);
    }
    const reported = foreign.reports.map((report) => report.replace(/:[\w-]{36}/, ''));
    expect(reported.toSorted()).toEqual(
      ['auth', 'data at "$flash"', 'data at "cart"', 'data at "n"'].map((what) => `${id}: ${what}`),
    );
    await request(foreign, id, (session) => session.clear());
    await request(foreign, id, (session) => session.set('theirs', 2));
    const session = await found(rotated, id);
    expect({ ...session.data }).toEqual({ cart: ['book'], n: 5, theirs: 2 });
    expect([session.flashes().length, session.avatar.roles]).toEqual([1, ['admin']]);
  });

  it('can be written anew, and then reads as ever', async () => {
    const id = await create(one, { cart: ['book'], n: 5, list: [1], gone: 1 });
    await request(foreign, id, (session) => session.set('cart', ['pen']).set('n', 0));
    await request(foreign, id, (session) => session.increment('n'));
    await foreign.sessions.update(id, (data) => (data['more'] = Object.keys(data).length));
    expect(await read(foreign, id)).toEqual({ cart: ['pen'], n: 1, more: 2 });
    expect(await read(one, id)).toEqual({ list: [1], gone: 1 });
  });

  it('is not added to, and nothing is saved with it', async () => {
    const id = await create(one, { n: 5, list: [1] });
    const [adding, pushing] = [await found(foreign, id), await found(foreign, id)];
    const refused = (path: string) => ({
      code: 'ERR_SESSION_DATA',
      path,
      message: expect.stringMatching(/cannot be decrypted.*nothing was saved.*"encryption.keys"/),
    });
    adding.set('a', 1).increment('n');
    await expect(adding.save()).rejects.toMatchObject(refused('n'));
    pushing.push('list', 2);
    await expect(pushing.save()).rejects.toMatchObject(refused('list'));
    expect(await read(one, id)).toEqual({ n: 5, list: [1] });
  });

  it('is one that was moved from another session, or to another key', async () => {
    const [mine, other] = [await create(one, { role: 'user', a: 1 }), await create(one, { role: 'admin' })];
    const stolen = (await row(other)).data['role'];
    const put = (key: string, value: string | undefined) =>
      database.query('update sessions set data = data || $2::jsonb where id = $1', [
        mine,
        JSON.stringify({ [key]: value }),
      ]);
    await put('role', stolen);
    expect(await read(one, mine)).toEqual({ a: 1 });
    await put('role', (await row(mine)).data['a']);
    expect(await read(two, mine)).toEqual({ a: 1 });
    await database.query(`update sessions set user_id = 'u', auth = to_jsonb($2::text) where id = $1`, [mine, stolen]);
    expect((await found(one, mine)).auth).toBeNull();
    expect(one.reports).toEqual([`${mine}: data at "role"`, `${mine}: auth`]);
  });
});

describe('Another key', () => {
  it('reads what the old one has sealed, and seals what is written, and nothing that is only read', async () => {
    const id = await create(one, { a: 1, b: 2, n: 1 }, { userId: 'u1', auth: { roles: ['r'] } });
    const before = await row(id);
    const session = await found(rotated, id);
    expect([{ ...session.data }, session.auth]).toEqual([{ a: 1, b: 2, n: 1 }, { roles: ['r'] }]);
    await session.save();
    expect((await row(id)).text).toBe(before.text);
    await request(rotated, id, (session) => session.set('a', 3).increment('n'));
    const { data, auth } = await row(id);
    expect([data['a'], data['b'], data['n'], auth].map((sealed) => keyOf(sealed as string))).toEqual([
      NEW_ID,
      OLD_ID,
      NEW_ID,
      OLD_ID,
    ]);
    expect(data['b']).toBe(before.data['b']);
    expect(await read(rotated, id)).toEqual({ a: 3, b: 2, n: 2 });
    expect(await read(foreign, id)).toEqual({ a: 3, n: 2 });
  });

  it('loses no addition, deployed to one process after the other: to open at first, then to seal', async () => {
    const id = await create(one, { n: 1, list: ['a'] });
    const add = (process: Process, item: string) =>
      request(process, id, (session) => [session.increment('n'), session.push('list', item)]);
    const steps = [opening, one, opening, rotated, opening, rotated];
    for (const [at, process] of steps.entries()) await add(process, String(at));
    expect(await read(rotated, id)).toEqual({ n: 7, list: ['a', '0', '1', '2', '3', '4', '5'] });
  });

  it('loses none either that a process without it is told is not saved', async () => {
    const id = await create(one, { n: 1 });
    await request(rotated, id, (session) => session.increment('n'));
    await expect(request(one, id, (session) => session.increment('n'))).rejects.toThrow('cannot be decrypted');
    expect(await read(rotated, id)).toEqual({ n: 2 });
  });
});

describe('Encryption that is switched on later', () => {
  it('reads what was stored in plain text, and seals it when it is next written', async () => {
    const data = { a: 'plain', price: '$1.99', n: 1, list: [1], deep: { b: null } };
    const id = await create(plain, data, { userId: 'u1', auth: { roles: ['r'] } });
    const session = await found(one, id);
    expect([{ ...session.data }, session.auth]).toEqual([data, { roles: ['r'] }]);
    const before = await row(id);
    await request(one, id, (session) => session.set('a', 'secret').push('list', 2));
    await request(one, id, (session) => session.increment('n'));
    const after = await row(id);
    expect(['a', 'list', 'n'].map((key) => keyOf(after.data[key]))).toEqual([OLD_ID, OLD_ID, OLD_ID]);
    const { price, deep } = before.data;
    expect([after.data, after.auth]).toEqual([{ ...after.data, price, deep }, before.auth]);
    expect(await read(two, id)).toEqual({ ...data, a: 'secret', n: 2, list: [1, 2] });
    expect([...one.reports, ...two.reports]).toEqual([]);
  });

  it('reads plain values that begin as sealed ones do, as far as they are told apart, and seals them', async () => {
    const data = {
      a: '$enc',
      b: '$encore, please',
      c: '$enc1',
      d: '$enc1.99',
      e: '$enc1.sealed.x',
      f: ['$enc1.AAAAAAAA.x'],
    };
    const id = await create(plain, data, { userId: 'u1', auth: { note: '$enc1.AAAAAAAA.x' } });
    const session = await found(one, id);
    expect([{ ...session.data }, session.auth]).toEqual([data, { note: '$enc1.AAAAAAAA.x' }]);
    await request(one, id, (session) => session.set('a', '$enc1.AAAAAAAA.x').set('g', '$enc9.AAAAAAAA.'));
    expect(await read(two, id)).toEqual({ ...data, a: '$enc1.AAAAAAAA.x', g: '$enc9.AAAAAAAA.' });
    expect(one.reports).toEqual([]);
  });

  it('reads as absent, and reports, what says that it is sealed: by a key, in whatever version', async () => {
    const data = { a: '$enc1.AAAAAAAA.', b: `$enc1.${OLD_ID}.short`, c: '$enc27.AAAAAAAA.x', kept: 1 };
    const id = await create(plain, data);
    expect(await read(one, id)).toEqual({ kept: 1 });
    expect(one.reports).toEqual(['a', 'b', 'c'].map((key) => `${id}: data at "${key}"`));
  });

  it('takes data that is no object as the store does: as empty', async () => {
    const id = await create(one, { a: 1 });
    await database.query(`update sessions set data = '[1]' where id = $1`, [id]);
    await one.store.commit(id, 0, increment('n', 1));
    expect(await read(two, id)).toEqual({ n: 1 });
  });
});

describe('With "acceptPlain: false"', () => {
  it('a value that is not sealed is reported and absent, whoever has put it there, and one that is sealed reads as ever', async () => {
    const id = await create(one, { sealed: 1, n: 5 }, { userId: 'u1', auth: { roles: ['reader'] } });
    const put = `update sessions set data = data || '{"role": "admin", "n": 7, "$flash:0": {"category": "x"}}' where id = $1`;
    await database.query(put, [id]);
    for (let time = 0; time < 2; time++) {
      const session = await found(strict, id);
      expect([{ ...session.data }, session.auth, session.flashes()]).toEqual([
        { sealed: 1 },
        { roles: ['reader'] },
        [],
      ]);
    }
    expect(strict.reports.toSorted()).toEqual(
      ['data at "$flash:0"', 'data at "n"', 'data at "role"'].map((what) => `${id}: ${what}`),
    );
    await request(strict, id, (session) => session.increment('n').toString());
    await strict.sessions.update(id, (data) => (data['more'] = Object.keys(data).length));
    expect(await read(strict, id)).toEqual({ sealed: 1, n: 1, more: 2 });
  });

  it('a snapshot that is not sealed gives no role', async () => {
    const id = await create(plain, {}, { userId: 'u1', auth: { roles: ['admin'] } });
    expect((await found(one, id)).avatar.hasRole('admin')).toBe(true);
    const session = await found(strict, id);
    expect([session.userId, session.auth, session.avatar.roles]).toEqual(['u1', null, []]);
    expect(strict.reports).toEqual([`${id}: auth`]);
    const anonymous = await create(plain, {});
    expect((await found(strict, anonymous)).auth).toBeNull();
    expect(strict.reports).toHaveLength(1);
  });
});

describe('The snapshot of an earlier login', () => {
  const login = (id: string, generation: number, role: string) =>
    one.store.login({
      id,
      generation,
      ...who('u1'),
      auth: JSON.stringify({ roles: [role] }),
      flush: false,
      changes: null,
    });
  const putBack = (id: string, auth: string | null) =>
    database.query('update sessions set auth = to_jsonb($2::text) where id = $1', [id, auth]);

  it('opens under no other login, put back into its row or into that of a later one', async () => {
    const id = await create(one, {}, { userId: 'u1', auth: { roles: ['admin'] } });
    const first = (await row(id)).auth;
    const second = await login(id, 0, 'reader');
    expect(second?.auth).toBe('{"roles":["reader"]}');
    const sealed = (await row(id)).auth;
    expect((await found(two, id)).avatar.roles).toEqual(['reader']);
    await putBack(id, first);
    expect((await found(two, id)).auth).toBeNull();
    await login(id, 1, 'reader');
    await putBack(id, sealed);
    expect((await found(one, id)).auth).toBeNull();
    expect(two.reports).toEqual([`${id}: auth`]);
  });

  it('stays what it was when the credential is replaced without a login', async () => {
    const id = await create(one, {}, { userId: 'u1', auth: { roles: ['admin'] } });
    const { secretHash } = (await one.store.find(id)) ?? who('u1');
    await one.store.rotate({ id, generation: 0, knownHash: secretHash, secretHash: Buffer.alloc(32, 9) });
    await request(one, id, (session) => session.set('a', 1).increment('n'));
    expect((await found(two, id)).avatar.roles).toEqual(['admin']);
  });
});
