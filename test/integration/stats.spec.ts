import { describe, expect, it } from '@jest/globals';
import { MemorySessionStore, SessionModule, type SessionStats, type TokenRejection } from 'nestjs-mikro-session';
import { issueCredential } from '../../lib/session/token.js';
import { type AppFixture, startApp, type TestApp, useApp } from '../support/app.js';
import { createDatabase } from '../support/database.js';
import { endFeeds } from '../support/feed.js';
import { inHandler, tryVisit, visit } from '../support/probe.js';
import { startSilentServer } from '../support/silent-server.js';
import { statements } from '../support/statements.js';

/** The totals of two moments, subtracted. */
async function during(app: TestApp, work: () => Promise<unknown>): Promise<SessionStats> {
  const before = app.sessions.stats();
  await work();
  return difference(app.sessions.stats(), before) as SessionStats;
}

function difference(after: unknown, before: unknown): unknown {
  if (typeof after === 'number' && typeof before === 'number') return after - before;
  if (typeof after !== 'object' || after === null) return after;
  return Object.fromEntries(
    Object.entries(after).map(([key, value]) => [key, difference(value, (before as Record<string, unknown>)[key])]),
  );
}

const NONE_REJECTED: Record<TokenRejection, number> = {
  malformed: 0,
  unknown: 0,
  wrong_secret: 0,
  superseded: 0,
  replaced: 0,
  ambiguous: 0,
};

describe('SessionService.stats()', () => {
  const fixture = useApp({ options: { rotationGrace: '1h', renewal: { flushEvery: '10m' }, sweep: false } });

  it('is a frozen object of numbers that survives JSON', () => {
    const stats = fixture.app.sessions.stats();
    expect(JSON.parse(JSON.stringify(stats))).toEqual(stats);
    const parts: object[] = [stats];
    for (const part of parts) {
      expect(Object.isFrozen(part)).toBe(true);
      parts.push(...Object.values(part).filter((value) => typeof value === 'object' && value !== null));
    }
    expect(parts.length).toBeGreaterThan(30);
  });

  it('sends no query', async () => {
    const sent = await statements(fixture.app, async () => {
      fixture.app.sessions.stats();
      // After it, as what would have been sent before.
      await fixture.app.sessions.count();
    });
    expect(sent).toBe(1);
  });

  it('says since when it counts', async () => {
    const { since } = fixture.app.sessions.stats();
    expect(since).toBeLessThanOrEqual(Date.now());
    expect(fixture.app.sessions.stats().since).toBe(since);
  });

  describe('counts tokens', () => {
    it('that are accepted, and looks each up once', async () => {
      const client = await visitor(fixture);
      const { tokens, lookups } = await during(fixture.app, () => visit(client, () => {}));
      expect(tokens).toEqual({ accepted: 1, inGrace: 0, rejected: NONE_REJECTED });
      expect(lookups).toEqual({ total: 1, found: 1, failed: 0 });
    });

    it('that regenerate() has replaced within the grace period', async () => {
      const client = await visitor(fixture);
      const cookie = await client.cookie();
      await visit(client, (session) => session.regenerate());
      const { tokens } = await during(fixture.app, () => visit(fixture.app.client(), () => {}, { cookie }));
      expect(tokens).toEqual({ accepted: 1, inGrace: 1, rejected: NONE_REJECTED });
    });

    it.each<[TokenRejection, () => Promise<string>]>([
      ['malformed', () => Promise.resolve('session_id=nonsense')],
      ['unknown', () => Promise.resolve(`session_id=${issueCredential(crypto.randomUUID()).cookieValue}`)],
      ['unknown', ended],
      [
        'wrong_secret',
        async () =>
          `session_id=${issueCredential((await (await visitor(fixture)).cookie()).slice(11, 47)).cookieValue}`,
      ],
      ['superseded', superseded],
      ['replaced', replaced],
    ])('that are %s', async (reason, cookieOf) => {
      const cookie = await cookieOf();
      const { tokens, lookups } = await during(fixture.app, () => visit(fixture.app.client(), () => {}, { cookie }));
      expect(tokens).toEqual({ accepted: 0, inGrace: 0, rejected: { ...NONE_REJECTED, [reason]: 1 } });
      const isFound = reason !== 'malformed' && reason !== 'unknown';
      expect(lookups).toEqual({ total: reason === 'malformed' ? 0 : 1, found: isFound ? 1 : 0, failed: 0 });
    });

    it('that are ambiguous', async () => {
      const cookie = `${await (await visitor(fixture)).cookie()}; ${await (await visitor(fixture)).cookie()}`;
      const { tokens } = await during(fixture.app, () => visit(fixture.app.client(), () => {}, { cookie }));
      expect(tokens).toEqual({ accepted: 0, inGrace: 0, rejected: { ...NONE_REJECTED, ambiguous: 2 } });
    });

    it('none for a visitor without a cookie, nor for an empty one', async () => {
      const { tokens, lookups } = await during(fixture.app, async () => {
        await visit(fixture.app.client(), () => {});
        await visit(fixture.app.client(), () => {}, { cookie: 'session_id=' });
      });
      expect(tokens).toEqual({ accepted: 0, inGrace: 0, rejected: NONE_REJECTED });
      expect(lookups.total).toBe(0);
    });

    /** A cookie whose session was logged out of. */
    async function ended(): Promise<string> {
      const client = await visitor(fixture);
      const cookie = await client.cookie();
      await visit(client, (session) => session.destroy());
      return cookie;
    }

    /** A cookie that regenerate() has replaced long ago. */
    async function superseded(): Promise<string> {
      const client = await visitor(fixture);
      const cookie = await client.cookie();
      await visit(client, (session) => session.regenerate());
      await fixture.database.query("update sessions set rotated_at = rotated_at - interval '2 h'");
      return cookie;
    }

    /** A cookie that a login has replaced just now. */
    async function replaced(): Promise<string> {
      const client = await visitor(fixture);
      const cookie = await client.cookie();
      await visit(client, (session) => session.login('ada'));
      return cookie;
    }
  });

  it('counts what happens to sessions', async () => {
    const { sessions } = await during(fixture.app, async () => {
      const client = await visitor(fixture);
      await visit(client, (session) => session.login('grace'));
      await visit(client, (session) => session.regenerate());
      await visit(client, (session) => session.logout());
      const id = await inHandler(fixture.app.client(), (session) => session.set('n', 1).id);
      await fixture.app.sessions.revoke(id);
      await inHandler(fixture.app.client(), (session) => session.setTtl(1).set('n', 1).id);
      while ((await fixture.app.sessions.purgeExpired()) === 0);
    });
    expect(sessions).toEqual({
      created: 3,
      loggedIn: 1,
      loggedOut: 1,
      // By login() and by regenerate().
      rotated: 2,
      destroyed: 1,
      revoked: 1,
      expired: 1,
    });
  });

  it('counts commits, and those that met the end of their session', async () => {
    const client = await visitor(fixture);
    const { commits } = await during(fixture.app, async () => {
      await visit(client, (session) => session.set('n', 2));
      await visit(client, (session) => session.update((data) => (data['n'] = 3)));
      await tryVisit(client, async (session) => {
        await fixture.app.sessions.revoke(session.id);
        session.set('n', 4);
      });
    });
    expect(commits).toEqual({ written: 2, conflicts: 1, failed: 0 });
  });

  it('counts data that the database refuses as a commit that failed', async () => {
    const client = await visitor(fixture);
    const { commits } = await during(fixture.app, () =>
      tryVisit(client, (session) => session.set('text', 'x'.repeat(70_000))),
    );
    expect(commits).toEqual({ written: 0, conflicts: 0, failed: 1 });
  });

  it('shows renewals that wait, how long, and that they were written', async () => {
    const client = await visitor(fixture);
    await fixture.app.sessions.flush();
    const before = fixture.app.sessions.stats().renewals;
    expect(before).toMatchObject({ waiting: 0, oldest: 0 });
    const since = performance.now();
    for (let visits = 0; visits < 3; visits++) await visit(client, () => {});
    const waiting = fixture.app.sessions.stats().renewals;
    expect(waiting).toMatchObject({ requested: before.requested + 3, written: before.written, waiting: 1 });
    expect(waiting.oldest).toBeGreaterThan(0);
    expect(waiting.oldest).toBeLessThanOrEqual(performance.now() - since);
    await fixture.app.sessions.flush();
    const after = fixture.app.sessions.stats().renewals;
    expect(after).toMatchObject({ written: before.written + 1, waiting: 0, oldest: 0, failures: 0 });
  });

  it('says how many requests shared a statement, and how long each waited', async () => {
    const id = await inHandler(await visitor(fixture), (session) => session.id);
    const { queues, statements: sent } = await during(fixture.app, () =>
      // In one turn of the event loop, and so in one statement.
      Promise.all(Array.from({ length: 50 }, () => fixture.app.sessions.find(id))),
    );
    const { batchSize, waitTime, waiting } = (queues as NonNullable<typeof queues>).find;
    expect(batchSize).toMatchObject({ count: 1, sum: 50 });
    expect(waitTime.count).toBe(50);
    expect(waiting).toBe(0);
    expect(sent?.find.duration.count).toBe(1);
    expect(sent?.find.duration.sum).toBeGreaterThan(0);
  });

  it('shows commits that wait for the row of another transaction', async () => {
    const client = await visitor(fixture);
    const id = await inHandler(client, (session) => session.id);
    const row = await fixture.database.hold('select from sessions where id = $1 for update', [id]);
    const before = fixture.app.sessions.stats().queues?.commit.locked ?? NaN;
    const saved = visit(client, (session) => session.set('n', 5));
    while ((fixture.app.sessions.stats().queues?.commit.locked ?? NaN) === before) await new Promise(setImmediate);
    expect(fixture.app.sessions.stats().queues?.commit.waiting).toBe(1);
    await row.release();
    await saved;
    expect(fixture.app.sessions.stats().queues?.commit.waiting).toBe(0);
  });

  it('has neither a cache nor a feed where there is none', () => {
    expect(fixture.app.sessions.stats()).toMatchObject({ cache: null, feed: null });
  });
});

describe('SessionService.stats() with a cache', () => {
  const fixture = useApp({ options: { cache: { max: 10, ttl: '1h' } } });

  it('counts look-ups that memory answers, and those that it does not', async () => {
    const client = await visitor(fixture);
    while (fixture.app.sessions.stats().feed?.connected !== true) await new Promise(setImmediate);
    // What a user has just signed in to is not kept.
    await visit(client, (session) => session.login('ada'));
    const { cache, lookups } = await during(fixture.app, async () => {
      for (let visits = 0; visits < 3; visits++) await visit(client, () => {});
    });
    expect(cache).toMatchObject({ hits: 2, misses: 1 });
    expect(lookups).toMatchObject({ total: 3, found: 3 });
    expect(fixture.app.sessions.stats().cache).toMatchObject({ entries: 1, max: 10 });
  });

  it('counts how often the feed was lost', async () => {
    while (fixture.app.sessions.stats().feed?.connected !== true) await new Promise(setImmediate);
    await endFeeds(fixture.database);
    while (fixture.app.sessions.stats().feed?.connected !== false) await new Promise(setImmediate);
    expect(fixture.app.sessions.stats().feed).toEqual({ connected: false, losses: 1 });
    while (fixture.app.sessions.stats().feed?.connected !== true)
      await new Promise((resolve) => setTimeout(resolve, 5));
    expect(fixture.app.sessions.stats().feed).toEqual({ connected: true, losses: 1 });
  });
});

describe('SessionService.stats() of a store in memory', () => {
  it('has what every store gives, and no queues or statements', async () => {
    const app = await startApp(null, { session: SessionModule.forRoot({ store: MemorySessionStore }) });
    const client = app.client();
    await visit(client, (session) => session.set('n', 1));
    await visit(client, (session) => session.set('n', 2));
    await visit(client, () => {});
    const stats = app.sessions.stats();
    expect(stats).toMatchObject({ queues: null, statements: null, cache: null, feed: null });
    expect(stats.lookups).toEqual({ total: 2, found: 2, failed: 0 });
    expect(stats.commits).toEqual({ written: 1, conflicts: 0, failed: 0 });
    expect(stats.renewals).toEqual({ requested: 1, written: 1, failures: 0, refused: 0, waiting: 0, oldest: 0 });
    expect(stats.sessions.created).toBe(1);
    await app.close();
  });
});

describe('SessionService.stats() of a database that stops answering', () => {
  it('counts look-ups, statements and renewals that fail', async () => {
    const database = await createDatabase();
    const server = await startSilentServer(database.url, 'silence, please');
    const app = await startApp(server, { options: { queryTimeout: 200 } });
    const client = app.client();
    await visit(client, (session) => session.set('n', 1));
    await visit(client, () => {});
    expect((await tryVisit(client, (session) => session.set('text', 'silence, please'))).status).toBe(503);
    expect((await tryVisit(client, () => {})).status).toBe(503);
    expect(app.sessions.stats().commits).toMatchObject({ written: 0, failed: 1 });
    expect(app.sessions.stats().lookups.failed).toBe(1);
    // A request is answered in time, whether or not the statement has been given up by then.
    const failed = (): number[] => {
      const { statements: sent, renewals } = app.sessions.stats();
      return [sent?.find.failed, sent?.commit.failed, renewals.failures].map((count) => count ?? NaN);
    };
    while (failed().includes(0)) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(failed().slice(0, 2)).toEqual([1, 1]);
    expect(app.sessions.stats().renewals).toMatchObject({ waiting: 1, refused: 0 });
    await server.close();
    await app.close();
    await database.drop();
  });
});

/** A visitor with a session. */
async function visitor({ app }: AppFixture) {
  const client = app.client();
  await visit(client, (session) => session.set('n', 1));
  return client;
}
