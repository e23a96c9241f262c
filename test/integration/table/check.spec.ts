import { beforeEach, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { AUTO, expectToWork, useTable } from './table-app.js';

describe('A table that cannot keep sessions is one sentence at start, with the fix:', () => {
  const table = useTable();
  beforeEach(async () => (await table.orm()).migrator.up());

  const after = async (...statements: string[]): Promise<string> => {
    for (const statement of statements) await table.database.query(statement);
    return table.refusal();
  };

  it.each([
    [
      'a view',
      `alter table sessions rename to old; create view sessions as select * from old`,
      /is a view, .*Rename it/,
    ],
    [
      'a materialized view',
      `alter table sessions rename to old; create materialized view sessions as select * from old`,
      /is a materialized view/,
    ],
    [
      'a table that others inherit from',
      `create table archive () inherits (sessions)`,
      /has others that inherit from it/,
    ],
    ['a sequence', `drop table sessions; create sequence sessions`, /is a sequence/],
    ['a type', `drop table sessions; create type sessions as (id uuid)`, /is a type/],
    ['a column that is missing', `alter table sessions drop column ip`, /column "ip"\. Add.*schema\.update\(\)/],
    [
      'columns that are missing',
      `alter table sessions drop column ip, drop column generation`,
      /columns "generation", "ip"/,
    ],
    [
      'json for jsonb',
      `alter table sessions alter data type json`,
      /"data" as json, .* jsonb\. Run "alter table "public"."sessions" alter column "data" type jsonb"/,
    ],
    ['text for uuid', `alter table sessions alter id type text`, /"id" as text, which must be uuid/],
    [
      'times without a zone',
      `alter table sessions alter expires_at type timestamp`,
      /"expires_at" as timestamp without time zone/,
    ],
    [
      'times that are rounded',
      `alter table sessions alter expires_at type timestamptz(0)`,
      /"expires_at" as timestamp\(0\) with time zone/,
    ],
    [
      'a text that is cut',
      `alter table sessions alter user_agent type varchar(20)`,
      /"user_agent" as character varying/,
    ],
    ['a column that must not be null', `alter table sessions alter user_id set not null`, /"user_id".*drop not null/],
    [
      'a column that sessions do not fill',
      `alter table sessions add tenant int not null`,
      /"tenant" .*must have a value/,
    ],
    ['no primary key', `alter table sessions drop constraint sessions_pkey`, /no primary key\. Run "alter table/],
    [
      'a primary key on something else',
      `alter table sessions drop constraint sessions_pkey, add primary key (secret_hash)`,
      /has the "PRIMARY KEY \(secret_hash\)", .* Run "alter table .* drop constraint "sessions_pkey", add primary key/,
    ],
    [
      'a primary key that is checked at the end of a transaction',
      `alter table sessions drop constraint sessions_pkey, add primary key (id) deferrable initially deferred`,
      /has the "PRIMARY KEY \(id\) DEFERRABLE INITIALLY DEFERRED", which must be/,
    ],
  ])('%s', async (_what, statement, message) => {
    expect(await after(...statement.split('; '))).toMatch(message);
  });

  it('what is harmless passes: times of full precision, and a column of the application’s with a default', async () => {
    await table.database.query(
      `alter table sessions alter expires_at type timestamptz, add tenant int not null default 0`,
    );
    await expectToWork(await table.start());
  });

  describe('a role', () => {
    let name: string;
    let url: string;
    beforeEach(async () => {
      name = `app_${randomBytes(4).toString('hex')}`;
      url = await table.role(name);
    });
    const grant = (rights: string) => table.database.query(`grant ${rights} on sessions to ${name}`);
    const secured = async (...statements: string[]): Promise<void> => {
      await grant('select, insert, update, delete');
      await table.database.query('alter table sessions enable row level security');
      for (const statement of statements) await table.database.query(statement);
    };

    it.each([
      ['select, insert', 'UPDATE, DELETE', 'update, delete'],
      ['select, insert, update', 'DELETE', 'delete'],
      ['select (id)', 'SELECT, INSERT, UPDATE, DELETE', 'select, insert, update, delete'],
    ])('that may only %s', async (given, missing, fix) => {
      await grant(given);
      expect(await table.refusal({ url })).toBe(
        `The table "public"."sessions" gives role "${name}" no right to ${missing}. Run "grant ${fix} on ` +
          `"public"."sessions" to "${name}"".`,
      );
    });

    it('that may not use the schema', async () => {
      const orm = { ...AUTO, schema: 'web' };
      await table.start({ orm, options: { ensureSchema: true } });
      expect(await table.refusal({ url, orm })).toMatch(
        /in a schema that role .* may not use\. Run "grant usage on schema "web" to/,
      );
      await table.database.query('drop schema web cascade');
    });

    it('that may not use the schema on its search path, which is passed over', async () => {
      await table.database.query('create schema web; alter table sessions set schema web');
      await table.database.query(`alter role ${name} set search_path = web, public`);
      expect(await table.refusal({ url })).toMatch(
        /"sessions" is missing.*there is one in "web".* Role "app_.*" may not use "web": run "grant usage on schema "web" to "app_[^"]*""\.$/,
      );
      await table.database.query('drop schema web cascade');
    });

    it('that row security shows no row, for no policy is for it', async () => {
      await secured();
      expect(await table.refusal({ url })).toMatch(
        /no policy lets role .* SELECT, INSERT, UPDATE, DELETE a row: every visitor would be signed out\. Run "alter table/,
      );
    });

    it('that a policy lets read alone', async () => {
      await secured('create policy reading on sessions for select using (true)');
      expect(await table.refusal({ url })).toMatch(/no policy lets role .* INSERT, UPDATE, DELETE a row/);
    });

    it('that policies of another role leave out', async () => {
      await secured('create policy mine on sessions to current_user using (true)');
      expect(await table.refusal({ url })).toMatch(/no policy lets role/);
    });

    it('that has what it needs, and no more, keeps sessions', async () => {
      await grant('select, insert, update, delete');
      await expectToWork(await table.start({ url }));
    });

    it('that a policy lets in keeps sessions', async () => {
      await secured(`create policy mine on sessions to ${name} using (true) with check (true)`);
      await expectToWork(await table.start({ url }));
    });
  });

  it('an encoding in which not every session can be stored', async () => {
    const other = `latin_${randomBytes(4).toString('hex')}`;
    await table.database.query(
      `create database ${other} encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0`,
    );
    const url = new URL(table.database.url);
    url.pathname = `/${other}`;
    expect(await table.refusal({ url: url.href })).toMatch(/keeps text as LATIN1.*encoding 'UTF8'/);
    for (const one of table.opened.splice(0)) await one.close();
    await table.database.query(`drop database ${other} with (force)`);
  });

  it('a table that is elsewhere: the sentence says where', async () => {
    await table.database.query('create schema web');
    await table.database.query('alter table sessions set schema web');
    expect(await table.refusal()).toMatch(/"sessions" is missing.*there is one in "web": if it is meant, name that/);
    await table.database.query('drop schema web cascade');
  });
});
