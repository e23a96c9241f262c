import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { startDatabaseProxy } from '../../support/database-proxy.js';
import { AUTO, expectToWork, useTable } from './table-app.js';

const options = { ensureSchema: true, queryTimeout: 1_000 };

describe('ensureSchema', () => {
  const table = useTable();
  let name: string;
  let url: string;
  beforeEach(async () => {
    name = `app_${randomBytes(4).toString('hex')}`;
    url = await table.role(name);
  });
  const migrate = async () => (await table.orm()).migrator.up();
  const grant = () => table.database.query(`grant select, insert, update, delete on sessions to ${name}`);

  it('creates nothing where nothing is missing: a role that may only read and write starts', async () => {
    await migrate();
    await grant();
    await expectToWork(await table.start({ options, url }));
  });

  it('does not wait for a transaction that holds a lock on the table, nor has writers wait behind it', async () => {
    await migrate();
    const holder = await table.database.hold('lock table sessions in row exclusive mode');
    await expectToWork(await table.start({ options }));
    await holder.release();
  });

  it('waits for no other process that creates one, where nothing is missing', async () => {
    await migrate();
    const holder = await table.database.hold('select pg_advisory_xact_lock(7305804402)');
    await expectToWork(await table.start({ options }));
    await holder.release();
  });

  it('creates an index that is missing', async () => {
    await migrate();
    await table.database.query('drop index sessions_user_id_index');
    await table.start({ options });
    expect(await (await table.orm()).schema.getUpdateSchemaSQL({ wrap: false })).toBe('');
  });

  it('waits half a queryTimeout at most for a lock, behind which writers wait, and says so', async () => {
    await migrate();
    const app = await table.start({ options });
    await table.database.query('drop index sessions_user_id_index');
    const holder = await table.database.hold('lock table sessions in row exclusive mode');
    const refusal = table.refusal({ options });
    const blocked = `select from pg_locks where locktype = 'relation' and not granted`;
    while ((await table.database.query(blocked)).length === 0);
    await expectToWork(app);
    expect(await refusal).toMatch(/another transaction held a lock on it for 500 ms.*create index concurrently/);
    await holder.release();
  });

  it('creates the schema, where MikroORM’s configuration names one', async () => {
    await expectToWork(await table.start({ options, orm: { ...AUTO, schema: 'web' } }));
    expect(await table.database.query('select from web.sessions')).toHaveLength(1);
    await table.database.query('drop schema web cascade');
  });

  it('says that no writes are taken, where that was the last that was answered', async () => {
    await table.database.query(`grant create on schema public to ${name}`);
    await table.database.query(`alter role ${name} set default_transaction_read_only = on`);
    let isSilent = false;
    const server = await startDatabaseProxy(url, (client, connect) => {
      if (isSilent) return;
      const upstream = connect();
      client.on('data', (chunk) => upstream.write(chunk));
      upstream.on('data', (chunk) => {
        client.write(chunk);
        isSilent ||= chunk.includes('25006');
      });
    });
    expect(await table.refusal({ options, url: server.url })).toMatch(
      /"sessions" could not be created \("ensureSchema"\): the server takes no writes.*Connect MikroORM to the primary/,
    );
    await server.close();
  }, 30_000);

  describe('names the right that is missing:', () => {
    it('to create in the schema', async () => {
      await table.database.query('revoke create on schema public from public');
      expect(await table.refusal({ options, url })).toContain(
        `could not be created ("ensureSchema"): role "${name}" may not. Run "grant create on schema "public" to "${name}""`,
      );
    });

    it('to create the schema', async () => {
      expect(await table.refusal({ options, url, orm: { ...AUTO, schema: 'web' } })).toMatch(
        /"web"\."sessions" could not be created .* may not\. Run "grant create on database "session_test_/,
      );
    });

    it('to create an index on a table that is another role’s', async () => {
      await migrate();
      await grant();
      await table.database.query('drop index sessions_user_id_index');
      expect(await table.refusal({ options, url })).toMatch(
        /index on "user_id" is missing, and only its owner ".*" may/,
      );
    });

    it('a search path that names no schema', async () => {
      await table.database.query(`alter role ${name} set search_path = nowhere`);
      expect(await table.refusal({ options, url })).toMatch(/search path of role .* names no schema\. Set "schema"/);
    });
  });
});
