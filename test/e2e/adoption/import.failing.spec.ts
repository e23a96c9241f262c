import { describe, expect, it } from '@jest/globals';
import { passportSession, SessionStoreUnavailableError } from 'nestjs-mikro-session';
import { useMovedApp } from '../../support/old-app.js';

/** Whose `toSession` never answers. */
const HANGING = 'hanging';

describe('SessionService.adoptAll(), where one cannot be taken over', () => {
  const fixture = useMovedApp({
    adopt: {
      toSession: (old) => ((old as any).passport.user === HANGING ? new Promise(() => {}) : passportSession(old)),
    },
  });
  const all = async (): Promise<number> => {
    let count = 0;
    for await (const { adopted } of fixture.app.sessions.adoptAll()) count = adopted;
    return count;
  };
  const left = () => fixture.database.query(`select sess->'passport'->>'user' as user from session`);

  /** The first of more than are read at once. */
  const withOthers = async (user: string): Promise<void> => {
    const { database } = fixture;
    await database.query('truncate session, sessions');
    await database.query(
      `insert into session (sid, sess, expire)
       select lpad(n::text, 4, '0'), json_build_object('passport', json_build_object('user', case when n = 1 then $1 else $1 || n end)),
              now() + interval '1 hour'
       from generate_series(1, 120) n`,
      [user],
    );
  };
  const one = {
    message: expect.stringContaining('take over 1 of the sessions of express-session, which stay; all others were'),
  };

  it('for its row is locked, takes over all others, rejects, and may be called again', async () => {
    await withOthers('locked');
    const held = await fixture.database.hold("select from session where sid = '0001' for update");
    try {
      await expect(all()).rejects.toMatchObject(one);
      expect(await left()).toEqual([{ user: 'locked' }]);
    } finally {
      await held.release();
    }
    expect(await all()).toBe(1);
    expect(await left()).toEqual([]);
  });

  it('for the database does not store it now, does so, too', async () => {
    await withOthers('busy');
    await fixture.database.query(`create function busy() returns trigger language plpgsql as $$
      begin raise exception 'busy' using errcode = '55006'; end $$`);
    await fixture.database.query(
      `create trigger busy before insert on sessions for each row when (new.user_id = 'busy') execute function busy()`,
    );
    try {
      await expect(all()).rejects.toMatchObject(one);
      expect(await left()).toEqual([{ user: 'busy' }]);
    } finally {
      await fixture.database.query('drop function busy cascade');
    }
    expect(await all()).toBe(1);
  });

  it('for toSession does not answer, does so, too', async () => {
    await withOthers(HANGING);
    await expect(all()).rejects.toMatchObject(one);
    expect(await left()).toEqual([{ user: HANGING }]);
  });
});

describe('SessionService.adoptAll(), where nothing answers', () => {
  let asked = 0;
  const fixture = useMovedApp({
    options: { queryTimeout: '100ms' },
    adopt: { toSession: () => new Promise(() => void asked++) },
  });

  it('gives up before it has waited for each, and says so', async () => {
    const { app, database } = fixture;
    await database.query(`
      insert into session (sid, sess, expire) select n::text, '{}', now() + interval '1 hour' from generate_series(1, 120) n`);
    const progress: number[] = [];
    const given = (async () => {
      for await (const { seen } of app.sessions.adoptAll()) progress.push(seen);
    })();
    await expect(given).rejects.toThrow('as none was answered any more, no others were tried');
    await expect(given).rejects.toBeInstanceOf(SessionStoreUnavailableError);
    expect(progress.at(-1)).toBe(asked);
    expect(asked).toBeLessThan(50);
  });
});
