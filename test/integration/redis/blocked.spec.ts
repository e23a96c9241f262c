import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { SessionStoreUnavailableError } from 'nestjs-mikro-session';
import type { RedisSessionStore } from 'nestjs-mikro-session/redis';
import type { StoredSession } from 'nestjs-mikro-session/store';
import { blockFor } from '../../support/block.js';
import { describeWithRedis } from '../../support/describe-with-redis.js';
import { type RedisServer, startRedis } from '../../support/redis-server.js';
import { changing, loginOf, newSession, RedisStores } from '../../support/redis-stores.js';

/** In milliseconds. */
const SOON = 400;
const ADD = changing({ increment: new Map([['n', 1]]) });

/** Keeps this process from its work once what is called for has been handed over to be sent, for longer than an operation has. */
function whileBlocked<Result>(operate: () => Promise<Result>): Promise<Result> {
  // Before what sends it, which takes its turn as well.
  setImmediate(() => blockFor(2 * SOON));
  return operate();
}

describeWithRedis('A process that is kept from its work before what it wrote to Redis is sent', () => {
  const stores = new RedisStores();
  let redis: RedisServer;
  let store: RedisSessionStore;
  beforeAll(async () => {
    redis = await startRedis();
    store = await stores.open({ nodes: [redis.url] }, { queryTimeout: SOON });
  });
  afterAll(async () => {
    await stores.close();
    await redis.stop();
  });

  const login = async ({ id, generation }: StoredSession, userId: string | null): Promise<unknown> =>
    store.login(loginOf(id, generation, { userId, changes: ADD.data }));
  const nOf = async ({ id }: StoredSession): Promise<unknown> =>
    (JSON.parse((await store.find(id))?.data ?? '{}') as { n?: number }).n;

  it.each<[string, (session: StoredSession) => Promise<unknown>]>([
    ['a change', (session) => store.commit(session.id, session.generation, ADD)],
    ['a login', (session) => login(session, null)],
    ['the login of a user, who is listed first', (session) => login(session, 'ada')],
  ])('writes it all the same, once: %s', async (_what, operate) => {
    const session = await store.create(newSession());
    expect(await whileBlocked(() => operate(session))).toEqual(expect.any(Object));
    expect(await nOf(session)).toBe(1);
  });

  it('begins sessions, ends them and lists them', async () => {
    const session = await whileBlocked(() => store.create(newSession({ userId: 'bob' })));
    expect((await whileBlocked(() => store.findByUser('bob'))).map(({ id }) => id)).toEqual([session.id]);
    expect(await whileBlocked(() => store.delete(session.id, session.generation))).toBe(true);
    expect(await store.find(session.id)).toBeNull();
  });

  it('writes each of several, also of one session', async () => {
    const [one, other] = [await store.create(newSession()), await store.create(newSession())];
    const sessions = [one, other, one];
    const written = whileBlocked(() =>
      Promise.all(sessions.map((each) => store.commit(each.id, each.generation, ADD))),
    );
    expect(await written).toEqual(sessions.map((): unknown => expect.any(Object)));
    expect([await nOf(one), await nOf(other)]).toEqual([2, 1]);
  });

  it('does not write what has no time left, though it was not kept from its work', async () => {
    const session = await store.create(newSession());
    redis.process.kill('SIGSTOP');
    const late = store.commit(session.id, session.generation, ADD);
    await expect(late).rejects.toThrow(SessionStoreUnavailableError);
    redis.process.kill('SIGCONT');
    expect(await nOf(session)).toBeUndefined();
  });
});

/** For what takes a moment on its way to Redis, in milliseconds, and computing for longer than a connection may be silent. */
const A_MOMENT = 100;
const LONG = 2_200;

describeWithRedis('A process that computes for longer than a connection to Redis may be silent', () => {
  const stores = new RedisStores();
  let redis: RedisServer;
  beforeEach(async () => {
    redis = await startRedis();
  });
  afterEach(async () => {
    redis.process.kill('SIGCONT');
    await stores.close();
    await redis.stop();
  });

  const open = (): Promise<RedisSessionStore> => stores.open({ nodes: [redis.url] }, { queryTimeout: SOON });
  const received = async (): Promise<number> =>
    Number(/total_connections_received:(\d+)/.exec(await redis.command<string>('INFO', 'stats'))?.[1]);
  /** Redis answers after a moment only. */
  const hold = (): Promise<unknown> => redis.command('CLIENT', 'PAUSE', String(A_MOMENT), 'ALL');

  it('takes in what Redis has answered meanwhile', async () => {
    const store = await open();
    const [one, other, third] = [
      await store.create(newSession()),
      await store.create(newSession()),
      await store.create(newSession()),
    ];
    const before = await received();
    await hold();
    const written = Promise.all([
      store.commit(one.id, one.generation, ADD),
      store.login(loginOf(other.id, other.generation, { changes: ADD.data })),
      store.update(third.id, null, () => ADD),
      store.create(newSession({ userId: 'bob' })),
    ]);
    // Sent by then.
    await turn();
    await turn();
    blockFor(LONG);
    expect(await written).not.toContain(null);
    for (const { id } of [one, other, third]) expect((await store.find(id))?.data).toBe('{"n":1}');
    expect(await received()).toBe(before);
  });

  it('takes in, too, what comes over a connection that was left for its silence', async () => {
    const store = await open();
    const [one, other] = [await store.create(newSession()), await store.create(newSession())];
    await pause(500);
    redis.process.kill('SIGSTOP');
    const first = store.find(one.id);
    first.catch(() => {});
    await pause(SOON / 2);
    const written = store.commit(other.id, other.generation, ADD);
    await expect(first).rejects.toThrow(SessionStoreUnavailableError);
    redis.process.kill('SIGCONT');
    blockFor(LONG);
    expect(await written).not.toBeNull();
    expect((await store.find(other.id))?.data).toBe('{"n":1}');
  });

  it.each([
    ['is made', async () => {}],
    ['is greeted', () => pause(A_MOMENT / 2)],
  ])('starts, though it computes while the first connection %s', async (_what, later) => {
    const before = await received();
    await hold();
    const opening = open();
    await later();
    // Blocked in a timer, this process would read before it looks at the next one.
    await turn();
    blockFor(LONG);
    expect(await (await opening).count()).toBe(0);
    // One to look at it, and one to stay.
    expect(await received()).toBe(before + 2);
  });
});
