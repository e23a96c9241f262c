import type { Options } from '@mikro-orm/postgresql';
import { describe, expect, it } from '@jest/globals';
import { SessionService } from 'nestjs-mikro-session';
import { SessionStore } from 'nestjs-mikro-session/store';
import { AUTO, expectToWork, useTable } from './table-app.js';

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Has the entity of the sessions name another place. */
const placedAt = (schema: string | undefined, tableName: string): NonNullable<Options['discovery']> => ({
  onMetadata: (meta) => {
    if (meta.className !== 'Session') return;
    meta.tableName = tableName;
    if (schema !== undefined) meta.schema = schema;
  },
});

describe('A table whose name, or that of its schema, is made of anything', () => {
  const table = useTable();

  it.each([
    [`we"ird's`, `ses sions'"`],
    [`$do$ $$ end`, `Sessions; --`],
    [`back\\slash\\'`, `\\"table\\`],
    ['ünï🎉.cödé', 'select'],
    [undefined, `ses sions'"`],
  ])('is created, used, swept and cached: schema %j, table %j', async (schema, name) => {
    const orm = { ...AUTO, discovery: placedAt(schema, name) };
    const place = `${quoted(schema ?? 'public')}.${quoted(name)}`;
    const app = await table.start({ orm, options: { ensureSchema: true, cache: true, sweep: { every: '1h' } } });
    const sessions = app.get(SessionService);
    await expectToWork(app);
    const { session } = await sessions.create({ userId: 'ada', data: { n: 1 } });
    await sessions.update(session.id, (data) => {
      data['n'] = 2;
    });
    expect(await table.database.query(`select data from ${place} where user_id = 'ada'`)).toEqual([{ data: { n: 2 } }]);
    expect(await sessions.listForUser('ada')).toHaveLength(1);
    expect(await sessions.revokeAllForUser('ada')).toBe(1);
    await table.database.query(`update ${place} set expires_at = clock_timestamp()`);
    expect(await sessions.purgeExpired()).toBe(1);
    expect(await app.get(SessionStore).claimSweep(60_000)).toBe(true);

    // Whoever comes next finds it, and the migration has nothing to do and takes it away.
    await expectToWork(await table.start({ orm }));
    const cli = await table.orm({ discovery: placedAt(schema, name) });
    await cli.migrator.up();
    await cli.migrator.down();
    expect(await table.database.query('select from pg_tables where tablename = $1', [name])).toEqual([]);
    await cli.migrator.up();
    await expectToWork(await table.start({ orm }));
    if (schema !== undefined) await table.database.query(`drop schema ${quoted(schema)} cascade`);
  });
});
