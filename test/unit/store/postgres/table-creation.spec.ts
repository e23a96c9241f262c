import { describe, expect, it } from '@jest/globals';
import { SessionSetupError, SessionStoreUnavailableError } from '../../../../lib/session.errors.js';
import type { Database } from '../../../../lib/store/postgres/driver/database.js';
import { createMissing } from '../../../../lib/store/postgres/table-creation.js';
import type { TableState } from '../../../../lib/store/postgres/table-state.js';

describe('A table that could not be created', () => {
  const wanted = { schema: 'public', name: 'sessions' };
  const nothing = { table: null, isSchemaThere: true, createsIn: 'public', role: 'app', database: 'shop' };

  const failing = (cause: unknown): Promise<unknown> => {
    const error = new SessionStoreUnavailableError('create its table', { cause });
    const database = { deadline: () => 0, transaction: () => Promise.reject(error) } as unknown as Database;
    return createMissing(database, wanted, nothing as unknown as TableState, 500).catch((thrown: unknown) => thrown);
  };

  it('is an outage where the database says no more than that, and keeps why', async () => {
    for (const cause of [new Error('cut off'), Object.assign(new Error('full'), { code: '53100' })]) {
      const error = await failing(cause);
      expect(error).toBeInstanceOf(SessionStoreUnavailableError);
      expect((error as Error).cause).toBe(cause);
    }
  });

  it('is a fault of the set-up where it says that the role may not', async () => {
    const error = await failing(Object.assign(new Error('denied'), { code: '42501' }));
    expect(error).toBeInstanceOf(SessionSetupError);
    expect((error as Error).message).toContain('grant create on schema "public" to "app"');
  });
});
