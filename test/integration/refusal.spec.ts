import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Session } from 'nestjs-mikro-session';
import { useApp } from '../support/app.js';

describe('What the database refuses of one session', () => {
  const fixture = useApp();
  beforeAll(() =>
    fixture.database.query(`
      alter table sessions add constraint decent check (not data ? 'rude');
      create function watch() returns trigger language plpgsql as $$
      begin
        if new.data ? 'forbidden' then raise exception 'That is forbidden.'; end if;
        return new;
      end $$;
      create trigger watched before update on sessions for each row execute function watch()`),
  );

  it.each(['rude', 'forbidden'])('fails that one request and none beside it, by a rule about %s data', async (key) => {
    const { sessions } = fixture.app;
    const all: Session[] = [];
    for (let count = 0; count < 20; count++) all.push((await sessions.create({ data: { n: 0 } as never })).session);
    for (const [index, session] of all.entries()) session.set((index === 7 ? key : 'n') as never, 1 as never);
    const outcomes = await Promise.allSettled(all.map((session) => session.save()));
    expect(outcomes.flatMap(({ status }, index) => (status === 'rejected' ? [index] : []))).toEqual([7]);
    expect(outcomes[7]).toMatchObject({
      reason: { code: 'ERR_SESSION_DATA', message: expect.stringContaining('of your own') },
    });
    for (const [index, { id }] of all.entries()) {
      expect((await sessions.find(id))?.toJSON()).toEqual({ n: index === 7 ? 0 : 1 });
    }
  });
});
