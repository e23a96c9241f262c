import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { arrayOf, textsOf } from '../../lib/store/postgres/sql/arguments.js';
import type { Query } from '../../lib/store/postgres/driver/connections.js';
import { RawQuery } from '../../lib/store/postgres/driver/raw-query.js';
import { createDatabase, type TestDatabase } from '../support/database.js';

describe('RawQuery', () => {
  let database: TestDatabase;
  let client: pg.Client;
  beforeAll(async () => {
    database = await createDatabase();
  });
  afterAll(async () => database.drop());
  beforeEach(async () => {
    client = await connect({});
  });
  afterEach(async () => client.end());

  async function connect(config: pg.ClientConfig): Promise<pg.Client> {
    const made = new pg.Client({ connectionString: database.url, ...config });
    await made.connect();
    return made;
  }

  /** The rows. */
  function run(query: Query, on = client): Promise<unknown[]> {
    return new Promise((resolve, reject) => {
      const send = on.query.bind(on) as unknown as (
        query: RawQuery,
        done: (error: Error | null, answer: { rows: unknown[] }) => void,
      ) => void;
      send(new RawQuery(query), (error, answer) => (error ? reject(error) : resolve(answer.rows)));
    });
  }

  const timesParsed = async (name: string): Promise<number> => {
    const { rows } = await client.query('select from pg_prepared_statements where name = $1', [name]);
    return rows.length;
  };

  it('gives rows as PostgreSQL writes them', async () => {
    const text = `select n, n = 2, null, 1.5::float8, '\\x00ff'::bytea, 'ä"\\' from generate_series(1, $1::int) as n`;
    expect(await run({ text, values: [2] })).toEqual([
      ['1', 'f', null, '1.5', '\\x00ff', 'ä"\\'],
      ['2', 't', null, '1.5', '\\x00ff', 'ä"\\'],
    ]);
    expect(await run({ text, values: [0] })).toEqual([]);
  });

  it('takes texts, numbers, truth values, and null', async () => {
    const values = ['a', 1.5, true, null];
    const text = 'select $1::text, $2::float8, $3::boolean, $4::int';
    expect(await run({ text, values })).toEqual([['a', '1.5', 't', null]]);
  });

  it('is parsed once a connection if it has a name, also where a query of the driver’s own has done that', async () => {
    const query = { name: 'one', text: 'select $1::int', values: [1] };
    expect(await run(query)).toEqual([['1']]);
    expect(await run(query)).toEqual([['1']]);
    expect((await client.query({ ...query, rowMode: 'array' })).rows).toEqual([[1]]);
    const other = { name: 'two', text: 'select $1::int + 1', values: [1] };
    await client.query(other);
    expect(await run(other)).toEqual([['2']]);
    expect([await timesParsed('one'), await timesParsed('two')]).toEqual([1, 1]);
  });

  it('is parsed anew each time if it has none', async () => {
    expect(await run({ text: 'select $1::int', values: [1] })).toEqual([['1']]);
    expect(await run({ text: 'select $1::text', values: ['a'] })).toEqual([['a']]);
  });

  it('fails alone: in the statement, in its values, in the middle of its rows', async () => {
    for (const query of [
      { name: 'wrong', text: 'select nothing from nowhere', values: [] },
      { name: 'cast', text: 'select $1::int', values: ['a'] },
      { name: 'late', text: 'select 1 / (3 - n) from generate_series(1, $1::int) as n', values: [5] },
    ]) {
      await expect(run(query)).rejects.toBeInstanceOf(pg.DatabaseError);
      expect(await run({ text: 'select 1', values: [] })).toEqual([['1']]);
    }
    expect(
      await run({ name: 'late', text: 'select 1 / (3 - n) from generate_series(1, $1::int) as n', values: [2] }),
    ).toEqual([['0'], ['1']]);
    expect(await timesParsed('wrong')).toBe(0);
  });

  it('fails with its connection', async () => {
    const lost = await connect({});
    lost.on('error', () => {});
    const [{ pid }] = (await lost.query<{ pid: number }>('select pg_backend_pid() as pid')).rows as [{ pid: number }];
    const running = run({ text: 'select pg_sleep($1)', values: [60] }, lost);
    const terminating = client.query('select pg_terminate_backend($1)', [pid]);
    await expect(running).rejects.toThrow(/terminat/i);
    await terminating;
    await expect(run({ text: 'select 1', values: [] }, lost)).rejects.toThrow(/not queryable|terminated/);
  });

  it('is parsed once, too, on a connection that does not wait for answers', async () => {
    const eager = await connect({ pipeline: true });
    const query = (n: number): Query => ({ name: 'eager', text: 'select $1::int', values: [n] });
    expect(await Promise.all([1, 2, 3].map((n) => run(query(n), eager)))).toEqual([[['1']], [['2']], [['3']]]);
    await eager.end();
  });

  it('takes arrays as they are written for it, whatever is in them', async () => {
    const texts = [
      '',
      ' ',
      'null',
      'NULL',
      'a,b',
      '{}',
      '"',
      '\\',
      '\\"',
      `{"a":"\\u0001\\\\"}`,
      "'",
      'ä€😀',
      '\n',
      null,
    ];
    const values = [textsOf(texts, (text) => text), arrayOf([1, null, 2.5], (n) => n)];
    const [row] = await run({ text: 'select to_jsonb($1::text[]), to_jsonb($2::float8[])', values });
    expect((row as string[]).map((json) => JSON.parse(json) as unknown)).toEqual([texts, [1, null, 2.5]]);
  });
});
