import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { SessionEvent } from 'nestjs-mikro-session';
import { startApp, type TestApp } from '../support/app.js';
import { createDatabase, type TestDatabase } from '../support/database.js';
import { call, type ServerProcess, useProcesses } from '../support/processes.js';
import { SessionStore } from 'nestjs-mikro-session/store';

describe('The sweep', () => {
  let database: TestDatabase;
  const apps: TestApp[] = [];
  beforeAll(async () => {
    database = await createDatabase();
  });
  afterEach(async () => {
    for (const app of apps.splice(0)) await app.close();
  });
  afterAll(() => database.drop());

  const start = async (sweep: false | { every: number }) => {
    const app = await startApp(database, { options: { sweep } });
    apps.push(app);
    return app;
  };
  const processes = useProcesses(1, { sweep: { every: 50 } });
  const fill = (count: number, expiry: string, into = database) =>
    into.query(`
      insert into sessions (id, secret_hash, generation, data, ttl, created_at, updated_at, last_access_at, expires_at)
      select gen_random_uuid(), '\\x00', 0, '{}', 1, now(), now(), now(), now() + interval '${expiry}'
      from generate_series(1, ${count})`);
  const swept = (app: TestApp, count: number) =>
    new Promise<SessionEvent[]>((resolve) => {
      const events: SessionEvent[] = [];
      const subscription = app.sessions.events.subscribe((event) => {
        if (event.type !== 'expired' || events.push(event) < count) return;
        subscription.unsubscribe();
        resolve(events);
      });
    });

  it('removes what has expired, tells which, and leaves the rest', async () => {
    const app = await start({ every: 50 });
    await fill(3, '1 h');
    const events = swept(app, 2_000);
    await fill(2_000, '-1 s');
    expect(new Set((await events).map(({ sessionId }) => sessionId)).size).toBe(2_000);
    expect(await app.sessions.count()).toBe(3);
    expect(await database.query('select from sessions')).toHaveLength(3);
    await app.sessions.revokeAll();
  });

  it('is done by one process of many, and by another when that one has gone', async () => {
    const [one, two] = [await start({ every: 20 }), await start({ every: 20 })];
    const winners = new Set<TestApp>();
    const watch = (app: TestApp) => app.sessions.events.subscribe(({ type }) => type === 'expired' && winners.add(app));
    [one, two].forEach(watch);
    for (let round = 0; round < 5; round++) {
      const done = Promise.race([swept(one, 1), swept(two, 1)]);
      await fill(1, '-1 s');
      await done;
    }
    expect(winners.size).toBe(1);
    const [winner] = winners;
    const other = winner === one ? two : one;
    await winner?.close();
    apps.splice(apps.indexOf(winner as TestApp), 1);
    const taken = swept(other, 1);
    await fill(1, '-1 s');
    expect(await taken).toHaveLength(1);
  });

  it('waits for no row that a transaction has locked', async () => {
    await fill(2, '-1 s');
    const [held] = await database.query<{ id: string }>('select id from sessions limit 1');
    const holder = await database.hold('select from sessions where id = $1 for update', [held?.id]);
    const app = await start({ every: 20 });
    const [event] = await swept(app, 1);
    expect(event?.sessionId).not.toBe(held?.id);
    const later = swept(app, 1);
    await holder.release();
    expect((await later)[0]?.sessionId).toBe(held?.id);
  });

  it('goes on after a failure, even where the logger fails, too', async () => {
    const app = await start({ every: 20 });
    const failing = new Promise<void>((resolve) =>
      app.app.useLogger({
        log: () => {},
        error: () => {},
        warn: () => {
          resolve();
          throw new Error('The disk is full.');
        },
      }),
    );
    await database.query('alter table sessions rename to elsewhere');
    await failing;
    await database.query('alter table elsewhere rename to sessions');
    const events = swept(app, 1);
    await fill(1, '-1 s');
    expect(await events).toHaveLength(1);
  });

  it('is taken over by another process, which says so, where the one that sweeps is frozen', async () => {
    const [child] = processes.servers as [ServerProcess];
    const ofChild = `select l.pid from pg_locks l join pg_stat_activity a using (pid)
      where l.locktype = 'advisory' and a.datname = current_database() and a.application_name = 'server-${child.pid}'`;
    const holds = async () => (await processes.database.query(ofChild)).length === 1;
    while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 10));
    const app = await startApp(processes.database, { options: { sweep: { every: 50 } } });
    apps.push(app);
    const store = app.app.get(SessionStore);
    const claimSweep = store.claimSweep.bind(store);
    const refused = new Promise<void>((resolve) => {
      store.claimSweep = async (lease) => {
        const isClaimed = await claimSweep(lease);
        if (!isClaimed) resolve();
        return isClaimed;
      };
    });
    await refused;
    const fillOne = () => fill(1, '-1 s', processes.database);
    process.kill(child.pid, 'SIGSTOP');
    try {
      const taken = swept(app, 1);
      await fillOne();
      expect(await taken).toHaveLength(1);
      expect(app.lines.filter((line) => line.includes('removes expired sessions'))).toEqual([
        expect.stringMatching(/^log: This process removes expired sessions now: .* frozen\.$/),
      ]);
      expect(await holds()).toBe(false);
    } finally {
      process.kill(child.pid, 'SIGCONT');
    }
    // Thawed, it does not sweep again.
    expect((await call(child.client(), ['service', 'count'])).status).toBe(201);
    for (let round = 0; round < 10; round++) {
      const taken = swept(app, 1);
      await fillOne();
      await taken;
    }
    expect(await holds()).toBe(false);
    expect(app.lines.filter((line) => line.includes('Another process'))).toEqual([]);
  });

  it('is left to purgeExpired() where it is switched off', async () => {
    const app = await start(false);
    await fill(5, '-1 s');
    expect(await app.sessions.purgeExpired()).toBe(5);
  });
});
