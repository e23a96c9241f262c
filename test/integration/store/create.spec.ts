import { beforeAll, describe, expect, it } from '@jest/globals';
import { createSessionId } from '../../../lib/session/token.js';
import { SessionDataError } from '../../../lib/session.errors.js';
import { HOUR, MINUTE, countStatements, useStores } from './stores.js';

const INSERT = 'insert into';

describe('MikroOrmSessionStore: create()', () => {
  const fixture = useStores();
  const { openStore, create, outcomes } = fixture;
  const range = (count: number) => Array.from({ length: count }, (_, n) => n);

  beforeAll(() => fixture.database.query(`alter table sessions add constraint decent check (not data ? 'rude')`));

  it('stores together what comes at once, each session as it is', async () => {
    const counted = countStatements(INSERT);
    const contents = range(50).map((n) => ({
      data: { n },
      userId: n % 2 ? `u"${n}` : null,
      auth: n % 2 ? JSON.stringify([`r${n}`]) : null,
      ip: n % 3 ? `10.0.0.${n}` : null,
      userAgent: n % 3 ? `{agent, "${n}\\` : null,
      lifetime: { ttl: (n + 1) * MINUTE, absolute: n % 5 ? (n + 1) * HOUR : null },
    }));
    const all = await Promise.all(contents.map((content) => create(content)));
    expect(counted.count).toBe(1);
    for (const [n, created] of all.entries()) {
      const { data, lifetime, ...rest } = contents[n] as (typeof contents)[number];
      const found = await fixture.store.find(created.id);
      expect(found).toEqual({ ...created, readAt: expect.any(Number) });
      expect(found).toMatchObject({ ...rest, ttl: lifetime.ttl });
      expect(JSON.parse(created.data)).toEqual(data);
      const absolute = created.endsAt === null ? null : Math.round(created.endsAt - created.createdAt);
      expect(absolute).toBe(lifetime.absolute);
      expect(created.authenticatedAt).toBe(n % 2 ? created.createdAt : null);
    }
  });

  it('stores with the next statement what comes while one is under way', async () => {
    const counted = countStatements(INSERT);
    const first = create();
    await new Promise((resolve) => setImmediate(resolve));
    await Promise.all([first, ...range(70).map(() => create())]);
    // 64 sessions a statement.
    expect(counted.count).toBe(3);
  });

  it('fails only what cannot be stored, when many come at once', async () => {
    const contents: Record<string, unknown>[] = range(20).map((n) => ({ n }));
    contents[3] = { rude: true };
    contents[7] = { nul: '\0' };
    // Within the limit as it is, and beyond it as PostgreSQL writes it down, with a space after each colon.
    contents[11] = Object.fromEntries(range(110).map((n) => [`k${100 + n}`, 1]));
    const results = await outcomes(...contents.map((data) => create({ data })));
    const refused = expect.any(SessionDataError);
    const stored = expect.objectContaining({ generation: 0 });
    expect(results).toEqual(range(20).map((n) => ([3, 7, 11].includes(n) ? refused : stored)));
    expect(results[11]).toMatchObject({ message: expect.stringContaining('exceed 1000 bytes') });
    const rows = await fixture.database.query<{ n: number }>(`select (data->>'n')::int as n from sessions order by n`);
    expect(rows.map(({ n }) => n)).toEqual(range(20).filter((n) => ![3, 7, 11].includes(n)));
  });

  it('needs no more than one connection', async () => {
    const store = await openStore({}, 1);
    const template = await create();
    const ids = range(100).map(() => createSessionId());
    const stored = await Promise.all(
      ids.map((id) => store.create({ ...template, id, lifetime: { ttl: HOUR, absolute: null } })),
    );
    expect(stored.map(({ id }) => id)).toEqual(ids);
  });

  it('keeps no small session waiting for one of much data', async () => {
    const store = await openStore({ maxDataBytes: 100_000 });
    const template = { ...(await create()), lifetime: { ttl: HOUR, absolute: null } };
    const storing = (data: Record<string, unknown>) =>
      store.create({ ...template, id: createSessionId(), data: JSON.stringify(data) });
    const { database } = fixture;
    const finished: string[] = [];
    await fixture.withTrigger(
      'before insert',
      `if length(new.data::text) > 8192 then perform pg_sleep(2); end if; return new;`,
      async () => {
        const large = storing({ value: 'x'.repeat(20_000) }).then(() => finished.push('large'));
        while ((await database.query(`select from pg_stat_activity where wait_event = 'PgSleep'`)).length === 0);
        await storing({ value: 'x' }).then(() => finished.push('small'));
        await large;
      },
    );
    expect(finished).toEqual(['small', 'large']);
  });
});
