import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import {
  MemorySessionStore,
  type OldSession,
  passportSession,
  SessionModule,
  type ToSession,
} from 'nestjs-mikro-session';
import { SessionStore } from 'nestjs-mikro-session/store';
import { sign } from 'cookie-signature';
import { startApp, type TestApp } from '../../support/app.js';
import { createDatabase } from '../../support/database.js';
import { OLD_SECRET, startOldApp, useMovedApp } from '../../support/old-app.js';
import { answered, tryVisit, visit } from '../../support/probe.js';

/** A store of express-session's, as Redis is one. */
class OldStore {
  readonly sessions = new Map<string, OldSession>();
  isDown = false;
  /** Called before a session is looked for. */
  beforeLook: () => unknown = () => {};
  /** Called before a session is removed. */
  beforeRemoval: () => unknown = () => {};

  async find(sid: string): Promise<OldSession | null> {
    await this.beforeLook();
    if (this.isDown) throw new Error('connection refused');
    return this.sessions.get(sid) ?? null;
  }

  async remove(sid: string): Promise<boolean> {
    await this.beforeRemoval();
    if (this.isDown) throw new Error('connection refused');
    return this.sessions.delete(sid);
  }

  /** Stores a session; its cookie, as a browser sends it. */
  add(user: string): string {
    this.sessions.set(user, { cookie: { expires: null }, passport: { user } });
    return `connect.sid=${encodeURIComponent(`s:${sign(user, OLD_SECRET)}`)}`;
  }
}

describe('old sessions that functions of the application find', () => {
  const old = new OldStore();
  let toSession: ToSession = passportSession;
  let app: TestApp;
  beforeAll(async () => {
    const adopt = { secret: OLD_SECRET, sessions: old, toSession: (session: OldSession) => toSession(session) };
    app = await startApp(null, {
      session: SessionModule.forRoot({ store: MemorySessionStore, adopt, queryTimeout: '200ms' }),
    });
  });
  afterAll(() => app.close());
  const expecting = (user: string | null, cookie: string) =>
    answered(app.client(), (session) => expect(session.userId).toBe(user), { cookie });

  it('are taken over once, by all of ten requests', async () => {
    const cookie = old.add('ada');
    const replies = await Promise.all(Array.from({ length: 10 }, () => expecting('ada', cookie)));
    expect(new Set(replies.map(({ setCookies }) => setCookies.join('\n'))).size).toBe(1);
    expect(old.sessions.has('ada')).toBe(false);
    expect(await app.sessions.listForUser('ada')).toHaveLength(1);
    expect(app.sessions.stats().adoption).toEqual({ adopted: 1, refused: 0, failed: 0 });
  });

  it('are found by a request that looks for one just when another has taken it over', async () => {
    const cookie = old.add('abe');
    old.beforeLook = async () => {
      old.beforeLook = () => {};
      await expecting('abe', cookie);
    };
    await expecting('abe', cookie);
    expect(await app.sessions.listForUser('abe')).toHaveLength(1);
  });

  it('do not come back after a logout', async () => {
    const cookie = old.add('bob');
    await visit(app.client(), (session) => session.logout(), { cookie });
    await expecting(null, cookie);
  });

  it('do not come back by a request that had found one before another took it over and signed out', async () => {
    const cookie = old.add('carol');
    const { sessions } = old;
    const session = sessions.get('carol') as OldSession;
    await visit(app.client(), ({ userId }) => expect(userId).toBe('carol'), { cookie });
    await visit(app.client(), (ours) => ours.logout(), { cookie });
    // As it was when the slow request looked.
    sessions.set('carol', session);
    old.beforeRemoval = () => void sessions.delete('carol');
    await expecting(null, cookie);
    old.beforeRemoval = () => {};
    expect(await app.sessions.listForUser('carol')).toEqual([]);
    await expecting(null, cookie);
  });

  it('are answered 503 while they cannot be asked for, and taken over later', async () => {
    const cookie = old.add('dan');
    old.isDown = true;
    expect((await tryVisit(app.client(), () => {}, { cookie })).status).toBe(503);
    old.isDown = false;
    await expecting('dan', cookie);
    expect(app.lines.join()).toContain('connection refused');
  });

  it.each(['find', 'remove'] as const)(
    'are answered 503 as well where %s() throws instead of rejecting',
    async (name) => {
      const cookie = old.add(name);
      const failing = jest.spyOn(old, name).mockImplementationOnce(() => {
        throw new Error('no connection was made');
      });
      expect((await tryVisit(app.client(), () => {}, { cookie })).status).toBe(503);
      failing.mockRestore();
      await expecting(name, cookie);
    },
  );

  it('are taken over although they could not be removed at first', async () => {
    const cookie = old.add('erin');
    old.beforeRemoval = () => Promise.reject(new Error('connection refused'));
    expect((await tryVisit(app.client(), () => {}, { cookie })).status).toBe(503);
    old.beforeRemoval = () => {};
    await expecting('erin', cookie);
    // Once the request that was to remove it has had its time, another does.
    for (let tries = 0; old.sessions.has('erin') && tries < 1_000; tries++) await expecting('erin', cookie);
    expect(old.sessions.has('erin')).toBe(false);
    await visit(app.client(), (session) => session.logout(), { cookie });
    await expecting(null, cookie);
  });

  it('are reported, without a word of what they say, where they are no JSON, and their visitors are ordinary ones', async () => {
    const cookie = old.add('gus');
    old.beforeLook = () => JSON.parse('{"card":"4929"') as unknown;
    await expecting(null, cookie);
    old.beforeLook = () => {};
    await expecting('gus', cookie);
    expect(app.lines.at(-1)).toContain('A session of express-session was not taken over');
    expect(app.lines.join()).not.toContain('card');
    // The same while one is made of it, or removed.
    const another = old.add('hal');
    old.beforeRemoval = () => JSON.parse('{"card":"4929"') as unknown;
    expect((await tryVisit(app.client(), () => {}, { cookie: another })).status).toBe(503);
    old.beforeRemoval = () => {};
    expect(app.lines.join()).not.toContain('card');
  });

  it('are of nobody where a polluted prototype says whose, and `toSession` does not', async () => {
    const cookie = old.add('ivy');
    old.sessions.set('ivy', { cookie: { expires: null }, cart: ['book'] });
    toSession = ({ cart }) => ({ data: { cart } });
    Object.assign(Object.prototype, { userId: 'eve' });
    try {
      await answered(app.client(), (session) => expect(session.get('cart')).toEqual(['book']), { cookie });
    } finally {
      Reflect.deleteProperty(Object.prototype, 'userId');
      toSession = passportSession;
    }
    await expecting(null, cookie);
  });

  it('are over when their cookie says so', async () => {
    const cookie = old.add('fay');
    old.sessions.set('fay', { cookie: { expires: new Date(Date.now() - 1_000) }, passport: { user: 'fay' } });
    await expecting(null, cookie);
    old.sessions.set('fay', { cookie: { expires: 'some day' }, passport: { user: 'fay' } });
    await expecting(null, cookie);
  });
});

describe('a table of another name and schema, a cookie of another name, path and domain, and two secrets', () => {
  const cookie = { path: '/', maxAge: 3_600_000 };
  const place = { tableName: 'Web "sessions"', schemaName: 'old', name: 'sid', cookie };

  it('is found, whatever time zone it was written in, and whichever secret has signed', async () => {
    const database = await createDatabase();
    await database.query('create schema old');
    const zoned = { ...place, timeZone: 'Asia/Tokyo' };
    const old = await startOldApp(database, { ...zoned, secret: ['new', 'older'] });
    const before = await startOldApp(database, { ...zoned, secret: 'older' });
    const browsers = [await old.signedIn('ada'), await before.signedIn('bob')];
    const name = new URL(database.url).pathname.slice(1);
    await database.query(`alter database ${name} set timezone to 'Asia/Tokyo'`);
    const adopt = {
      secret: ['new', 'older'],
      name: 'sid',
      table: 'Web "sessions"',
      schema: 'old',
      toSession: passportSession,
      cookie: { path: '/', domain: '127.0.0.1' },
    };
    const app = await startApp(database, { options: { adopt } });
    for (const [index, user] of ['ada', 'bob'].entries()) {
      const reply = await answered(
        app.client(),
        ({ userId, ttl }) => {
          expect(userId).toBe(user);
          // What the old one had left, to a minute, whatever the offset of the zone is.
          expect(Math.abs(ttl - 3_600_000)).toBeLessThan(60_000);
        },
        { cookie: (await browsers[index]?.cookie()) as string },
      );
      expect(reply.setCookies[1]).toMatch(/^sid=; Max-Age=0; Domain=127\.0\.0\.1; Path=\/; Expires=Thu, 01 Jan 1970/);
    }
    await app.close();
    await old.close();
    await before.close();
    await database.drop();
  });
});

describe('an old table that cannot be used', () => {
  const adopt = { secret: OLD_SECRET, table: 'session', toSession: passportSession };
  const refusal = async (prepare: string): Promise<string> => {
    const database = await createDatabase();
    if (prepare !== '') await database.query(prepare);
    try {
      const app = await startApp(database, { options: { adopt } });
      await app.close();
      return 'it started';
    } catch (error) {
      return (error as Error).message;
    } finally {
      await database.drop();
    }
  };

  it.each([
    ['', 'The table "session", which SessionModule option "adopt.table" names, is missing.'],
    ['create table session (sid text, data json)', 'it lacks "sess", "expire"'],
  ])('stops the start, which says why and what to do: %s', async (prepare, message) => {
    expect(await refusal(prepare)).toContain(message);
  });

  it('stops the start where the sessions are not in PostgreSQL', async () => {
    const session = SessionModule.forRoot({ store: MemorySessionStore, adopt });
    await expect(startApp(null, { session })).rejects.toThrow(
      'they are not kept in PostgreSQL. Fix: give "adopt.sessions"',
    );
  });

  it('stops the start where the store cannot take over sessions, whatever is in front of it', async () => {
    class ModestStore extends MemorySessionStore {
      override adopt = Reflect.get(SessionStore.prototype, 'adopt') as MemorySessionStore['adopt'];
    }
    const given = { store: ModestStore, adopt: { secret: OLD_SECRET } };
    for (const options of [given, { ...given, encryption: { keys: [Buffer.alloc(32)] } }]) {
      await expect(startApp(null, { session: SessionModule.forRoot(options) })).rejects.toThrow(
        'the store has no adopt(): ModestStore. Fix: write one in your class, or remove the option.',
      );
    }
  });
});

describe('a table of which all were taken over, and which has gone', () => {
  const fixture = useMovedApp();

  it('is not missed: the old cookies open what has taken its place', async () => {
    const browser = await fixture.old.signedIn('ada');
    for await (const _ of fixture.app.sessions.adoptAll());
    const app = await startApp(fixture.database, { options: { adopt: { secret: OLD_SECRET } } });
    await answered(app.client(), (session) => expect(session.userId).toBe('ada'), { cookie: await browser.cookie() });
    await app.close();
  });
});
