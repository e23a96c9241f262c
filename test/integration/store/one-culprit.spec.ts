import { afterEach, describe, expect, it } from '@jest/globals';
import { createSessionId, issueCredential } from '../../../lib/session/token.js';
import { SessionStoreUnavailableError } from '../../../lib/session.errors.js';
import { changesOf, HOUR, MINUTE, useStores } from './stores.js';

/** Whose row refuses. */
const CULPRIT = 'culprit';

describe('MikroOrmSessionStore: one session that the database refuses', () => {
  const fixture = useStores();
  const { create, row, renew, outcomes } = fixture;
  const sql = (text: string) => fixture.database.query(text);

  /** Has a statement fail for the culprit's row with a SQLSTATE. */
  async function refuse(operation: 'insert' | 'update' | 'delete', sqlstate: string): Promise<void> {
    const which = operation === 'insert' ? 'new' : 'old';
    await sql(`create function refuse() returns trigger language plpgsql as $$ begin
                 if ${which}.user_id = '${CULPRIT}' then raise exception using errcode = '${sqlstate}', message = 'no'; end if;
                 return ${operation === 'delete' ? 'old' : 'new'}; end $$`);
    await sql(`create trigger refuse before ${operation} on sessions for each row execute function refuse()`);
  }
  const accept = () => sql('drop function if exists refuse cascade');
  afterEach(accept);

  // The last ones are otherwise those of the server, or of a connection: a function may raise any.
  const STATES = ['42501', '0A000', 'ZX001', '23514', 'P0001', '54000', '55000', '57014', '08006', '25006'];
  const many = (count: number) => Promise.all(Array.from({ length: count }, () => create()));
  const isRefused = (error: unknown) =>
    ['SessionStoreUnavailableError', 'SessionDataError'].includes((error as Error).name);

  it.each(STATES)('is renewed no more, and all others are: %s', async (state) => {
    const culprit = await create({ userId: CULPRIT });
    const others = await many(30);
    await sql(`update sessions set last_access_at = now() - interval '1 h', expires_at = now() + interval '1 min'`);
    await refuse('update', state);
    const ids = [...others.slice(0, 20), culprit, ...others.slice(20)].map(({ id }) => id);
    const renewed = await renew(ids);
    expect(renewed.toSorted()).toEqual(others.map(({ id }) => id).toSorted());
    for (const { id } of others)
      expect((await row(id))['expires_at'].getTime()).toBeGreaterThan(Date.now() + 20 * MINUTE);
    // It is not tried again, as it would be refused again.
    expect(fixture.reportsOf(fixture.store).refusals.at(-1)).toBe(culprit.id);
    expect(await renew([])).toEqual([]);
  });

  it.each(STATES)('fails its own commit, and no other: %s', async (state) => {
    const culprit = await create({ userId: CULPRIT });
    const others = await many(30);
    await refuse('update', state);
    const commits = [...others, culprit].map(({ id }) => fixture.store.commit(id, 0, changesOf({ set: { a: 1 } })));
    const results = await outcomes(...commits);
    expect(results.filter(isRefused)).toHaveLength(1);
    expect(isRefused(results.at(-1))).toBe(true);
    for (const { id } of others) expect((await row(id))['data']).toEqual({ a: 1 });
  });

  it.each(STATES)('fails its own creation, and no other: %s', async (state) => {
    await refuse('insert', state);
    const results = await outcomes(
      ...Array.from({ length: 30 }, (_, n) => create({ userId: n === 7 ? CULPRIT : 'ada' })),
    );
    expect(results.map(isRefused)).toEqual(results.map((_, n) => n === 7));
  });

  it.each(STATES)('fails its own login, and no other: %s', async (state) => {
    const culprit = await create({ userId: CULPRIT });
    const others = await many(30);
    await refuse('update', state);
    const logins = [...others, culprit].map(({ id }) =>
      fixture.store.login({
        ...issueCredential(id),
        generation: 0,
        userId: 'ada',
        auth: null,
        lifetime: { ttl: HOUR, absolute: null },
        flush: false,
        changes: null,
      }),
    );
    const results = await outcomes(...logins);
    expect(results.map(isRefused)).toEqual(results.map((_, n) => n === 30));
    for (const { id } of others) expect(await row(id)).toMatchObject({ user_id: 'ada', generation: 1 });
  });

  it.each(STATES)('fails its own end, and no other: %s', async (state) => {
    const culprit = await create({ userId: CULPRIT });
    const others = await many(30);
    await refuse('delete', state);
    const results = await outcomes(...[...others, culprit].map(({ id }) => fixture.store.delete(id, null)));
    await accept();
    expect(results.slice(0, -1)).toEqual(others.map(() => true));
    expect(isRefused(results.at(-1))).toBe(true);
  });

  it.each(STATES)('stays when it has expired, and all others are swept: %s', async (state) => {
    const culprit = await create({ userId: CULPRIT });
    await many(40);
    await sql(`update sessions set expires_at = now() - interval '1 s'`);
    await refuse('delete', state);
    const swept: string[] = [];
    const sweeping = (async () => {
      for await (const ids of fixture.store.deleteExpired()) swept.push(...ids);
    })();
    const [error] = await outcomes(sweeping);
    await accept();
    expect(isRefused(error)).toBe(true);
    expect(swept).toHaveLength(40);
    expect(await sql('select id from sessions')).toEqual([{ id: culprit.id }]);
  });

  it('stays when it has expired, and all others are swept, where a trigger leaves it there without a word', async () => {
    const culprit = await create({ userId: CULPRIT });
    await many(40);
    await sql(`update sessions set expires_at = now() - interval '1 s'`);
    await sql(`create function refuse() returns trigger language plpgsql as $$ begin
                 if old.user_id = '${CULPRIT}' then return null; end if; return old; end $$`);
    await sql('create trigger refuse before delete on sessions for each row execute function refuse()');
    const swept: string[] = [];
    for await (const ids of fixture.store.deleteExpired()) swept.push(...ids);
    expect(swept).toHaveLength(40);
    expect(swept).not.toContain(culprit.id);
    expect(await fixture.store.find(culprit.id)).toBeNull();
    expect(await sql('select id from sessions')).toEqual([{ id: culprit.id }]);
  });

  it('fails its own look-up, and no other', async () => {
    const culprit = await create({ userId: CULPRIT });
    const others = await many(10);
    // What PostgreSQL cannot write as it is asked to: a row that was damaged, or tampered with.
    await sql(`create function public.sessions_find_refuse(text) returns text language plpgsql as $$ begin
                 if $1 = '${CULPRIT}' then raise exception using errcode = 'XX001', message = 'damaged'; end if; return $1; end $$`);
    await sql('alter table sessions rename to sessions_real');
    await sql(`create view sessions as select id, secret_hash, previous_secret_hash, rotated_at, generation,
                 sessions_find_refuse(user_id) as user_id, auth, authenticated_at, data, ttl, created_at, updated_at,
                 last_access_at, expires_at, ends_at, ip, user_agent, persistent, xmin from sessions_real`);
    try {
      const results = await outcomes(...[...others, culprit].map(({ id }) => fixture.store.find(id)));
      expect(results.slice(0, -1).map((found) => (found as { id: string }).id)).toEqual(others.map(({ id }) => id));
      expect(results.at(-1)).toBeInstanceOf(SessionStoreUnavailableError);
    } finally {
      await sql('drop view sessions');
      await sql('alter table sessions_real rename to sessions');
      await sql('drop function sessions_find_refuse(text)');
    }
  });

  it('keeps the others from nothing where statements are rolled back for each other', async () => {
    await sql(
      `alter database "${new URL(fixture.database.url).pathname.slice(1)}" set default_transaction_isolation = 'serializable'`,
    );
    const [one, two] = [await fixture.openStore(), await fixture.openStore()];
    const { id } = await create();
    const increment = changesOf({ increment: { n: 1 } });
    await Promise.all(Array.from({ length: 60 }, (_, n) => (n % 2 === 0 ? one : two).commit(id, 0, increment)));
    const other = issueCredential(createSessionId());
    await one.create({
      ...other,
      userId: null,
      auth: null,
      data: '{}',
      lifetime: { ttl: HOUR, absolute: null },
      ip: null,
      userAgent: null,
    });
    await Promise.all(Array.from({ length: 10 }, () => two.update(id, 0, () => increment)));
    expect((await row(id))['data']).toEqual({ n: 70 });
    await sql(
      `alter database "${new URL(fixture.database.url).pathname.slice(1)}" reset default_transaction_isolation`,
    );
  });
});
