import { describe, expect, it } from '@jest/globals';
import { inspect } from 'node:util';
import { createSessionId } from '../../../lib/session/token.js';
import { changesOf, failStatements, useStores } from './stores.js';

const VALUE = 'a-value-nobody-may-log';

describe('MikroOrmSessionStore: what its errors say of the database’s', () => {
  const fixture = useStores();
  const { create, outcomes } = fixture;
  const sql = (text: string) => fixture.database.query(text);

  /** Everything that a logger could print of an error. */
  const printed = async (work: Promise<unknown>): Promise<string> => {
    const [error] = await outcomes(work);
    expect(error).toBeInstanceOf(Error);
    return inspect(error, { depth: 9, showHidden: true }) + JSON.stringify((error as Error).cause);
  };
  const session = () => create({ userId: VALUE, auth: `{"token":"${VALUE}"}`, data: { token: VALUE } });

  it('holds no value of the row that a constraint refuses, and names the constraint', async () => {
    const { id } = await session();
    await sql(`alter table sessions add constraint no_b check (not data ? 'b') not valid`);
    const text = await printed(fixture.store.commit(id, 0, changesOf({ set: { b: VALUE } })));
    await sql('alter table sessions drop constraint no_b');
    expect(text).not.toContain(VALUE);
    expect(text).toContain(`constraint: 'no_b'`);
  });

  it('holds no value that the database says is no number', async () => {
    const { id } = await session();
    await sql(`alter table sessions add constraint numeral check ((data->>'token')::int > 0) not valid`);
    const text = await printed(fixture.store.commit(id, 0, changesOf({ set: { b: 1 } })));
    await sql('alter table sessions drop constraint numeral');
    expect(text).not.toContain(VALUE);
    expect(text).toContain('SQLSTATE 22');
  });

  it.each(['P0001', '23514', '42501', 'ZZ123', '53000'])(
    'holds nothing of what a trigger says with the code %s, and names its function',
    async (code) => {
      const { id } = await session();
      await sql(`create function refuse() returns trigger language plpgsql as $$ begin raise exception 'refused: %', new.data
                 using errcode = '${code}', detail = new.auth::text, hint = new.user_id; end $$`);
      await sql('create trigger refuse before update on sessions for each row execute function refuse()');
      const text = await printed(fixture.store.commit(id, 0, changesOf({ set: { b: 1 } })));
      await sql('drop function refuse cascade');
      expect(text).not.toContain(VALUE);
      expect(text).toMatch(new RegExp(`${code}[\\s\\S]*PL/pgSQL function refuse\\(\\)`));
    },
  );

  it('holds no parameter that a driver adds, nor what another error brought it', async () => {
    const driver = Object.assign(new Error('the connection was lost'), {
      params: [VALUE],
      detail: VALUE,
      cause: Object.assign(new Error('reset'), { code: 'ECONNRESET', parameters: [VALUE] }),
    });
    failStatements('saved as', new AggregateError([driver], 'no host answered', { cause: driver }));
    const text = await printed(fixture.store.commit(createSessionId(), 0, changesOf({ set: { b: 1 } })));
    expect(text).not.toContain(VALUE);
    for (const said of ['no host answered', 'the connection was lost', 'ECONNRESET']) expect(text).toContain(said);
  });
});
