import { describe, expect, it, jest } from '@jest/globals';
import { collected } from '../../../lib/testing/contract/support.js';
import { createSessionId } from '../../../lib/session/token.js';
import { SessionDataError } from '../../../lib/session.errors.js';
import type { MikroOrmSessionStore } from '../../../lib/store/postgres/mikro-orm.session-store.js';
import type { MikroORM } from '@mikro-orm/core';
import type { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { changesOf, HOUR, SOON, useStores } from './stores.js';

describe('MikroOrmSessionStore: what was wrong once', () => {
  const fixture = useStores();
  const { orms, openStore, create, lock, untilIdle, unavailable, outcomes } = fixture;

  /** The process was suspended, or the database's clock set forward: the estimate of its clock is behind. */
  async function suspended(): Promise<MikroOrmSessionStore> {
    const late = await openStore();
    const real = performance.now.bind(performance);
    jest.spyOn(performance, 'now').mockImplementation(() => real() - HOUR);
    return late;
  }

  it('goes on by itself after its process stood still: creates sessions', async () => {
    const created = await create();
    const late = await suspended();
    const session = { ...created, data: '{}', lifetime: { ttl: HOUR, absolute: null } };
    // The first may fail, being what it learns from.
    const answers = [];
    for (let n = 0; n < 2; n++) answers.push(...(await outcomes(late.create({ ...session, id: createSessionId() }))));
    expect(answers[0]).not.toBeInstanceOf(SessionDataError);
    expect(answers[1]).toMatchObject({ data: '{}' });
  });

  it('never says that it ended sessions, or that there were none, when it did not get to it', async () => {
    await create({ userId: 'ada' });
    const late = await suspended();
    const [byUser, newest, all] = await outcomes(
      collected(late.deleteByUser('ada', null)),
      collected(late.keepNewest('ada', 0)),
      collected(late.deleteAll()),
    );
    const count = await fixture.store.count();
    expect([byUser, newest, all, count]).not.toEqual([[], [], [], 1]);
  });

  it.each<[string, (single: MikroOrmSessionStore) => Promise<unknown>]>([
    ['deleteByUser', (single) => collected(single.deleteByUser('ada', null))],
    ['keepNewest', (single) => collected(single.keepNewest('ada', 0))],
    ['deleteAll', (single) => collected(single.deleteAll())],
  ])('gives its connection back when it waits for a lock in vain: %s', async (_what, operation) => {
    const single = await openStore({ queryTimeout: SOON }, 1);
    const [held, free] = [await create({ userId: 'ada' }), await create({ userId: 'ada' })];
    const holder = await lock(held.id);
    try {
      expect(await outcomes(operation(single))).toEqual([unavailable]);
      // What it could end it has ended, and it holds up nobody.
      expect(
        await outcomes(fixture.impatient.commit(free.id, 0, changesOf({ set: { a: 1 } })), single.find(held.id)),
      ).toEqual([null, expect.objectContaining({ id: held.id })]);
    } finally {
      await holder.release();
      await untilIdle();
    }
  });

  it('does not end a session that was logged in to while keepNewest() waited for it', async () => {
    const old = await create({ userId: 'ada' });
    await create({ userId: 'ada' });
    const relogin = `update sessions set authenticated_at = clock_timestamp(), generation = 1 where id = $1`;
    const holder = await fixture.database.hold(relogin, [old.id]);
    const limiting = collected(fixture.store.keepNewest('ada', 1));
    await fixture.store.count();
    await holder.release();
    await limiting;
    expect(await fixture.store.find(old.id)).not.toBeNull();
  });

  it('answers a commit within its time, though it shares a statement with one that has more', async () => {
    const patience = 600;
    const hurried = await openStore({ queryTimeout: patience });
    const sessions = [await create(), await create(), await create()];
    const holder = await fixture.database.hold('lock table sessions in access exclusive mode');
    const took: number[] = [];
    const commits = sessions.map(async ({ id }, n) => {
      await new Promise((resolve) => setTimeout(resolve, [0, 20, patience - 50][n]));
      const start = performance.now();
      await hurried.commit(id, 0, changesOf({ set: { a: 1 } })).catch(() => {});
      took.push(performance.now() - start);
    });
    await Promise.all(commits);
    await holder.release();
    await untilIdle();
    expect(Math.max(...took)).toBeLessThan(patience * 1.5);
  });

  it('takes no connection for an update whose time is up before its turn', async () => {
    const { id } = await create();
    const several = await openStore({ queryTimeout: SOON });
    const connection = ((orms.at(-1) as MikroORM).driver as PostgreSqlDriver).getConnection();
    const pool = (await connection.getNativeClient()) as unknown as NodeJS.EventEmitter;
    let connections = 0;
    pool.on('connect', () => connections++);
    const holder = await lock(id);
    await outcomes(...Array.from({ length: 50 }, () => several.update(id, 0, () => null)));
    await holder.release();
    expect(connections).toBeLessThanOrEqual(2);
  });

  it('goes on by itself when connections went silent, and the database can be reached by new ones', async () => {
    const target = new URL(fixture.database.url);
    const [silent, sockets] = [new Set<Socket>(), new Set<Socket>()];
    const proxy = createServer((near) => {
      const far = connect(Number(target.port), target.hostname);
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        sockets.add(from);
        from.on('error', () => {});
        from.on('data', (data) => silent.has(near) || to.write(data));
      }
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    target.hostname = '127.0.0.1';
    const url = new URL(target);
    url.port = `${(proxy.address() as AddressInfo).port}`;
    const { id } = await create();
    const remote = await openStore({ queryTimeout: SOON }, 2, url.href);
    await outcomes(remote.find(id), remote.find(id));
    for (const socket of sockets) silent.add(socket);
    const answers: unknown[] = [];
    for (let n = 0; n < 6; n++) answers.push(...(await outcomes(remote.find(id))));
    for (const socket of sockets) socket.destroy();
    proxy.close();
    expect(answers).toContainEqual(expect.objectContaining({ id }));
  });
});
