import { describe, expect, it } from '@jest/globals';
import { SessionSetupError } from '../../../../lib/session.errors.js';
import { connectionsOf, type OrmConnection } from '../../../../lib/store/postgres/driver/connections-of.js';

describe('What lies under MikroORM', () => {
  const clients: [string, unknown][] = [
    ['nothing', undefined],
    ['a client of something else', {}],
    ['what sends queries, and lends no connection', { executeQuery: async () => ({ rows: [] }) }],
    ['what lends connections, and sends no query', { connection: () => {} }],
  ];

  it.each(clients)('is refused where it is %s, with what to use', async (_what, client) => {
    const connection: OrmConnection = {
      execute: async () => {},
      getNativeClient: () => Promise.reject(new Error('brought by the application')),
      getClient: () => client,
    };
    const error = await connectionsOf(connection, {}, 100).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SessionSetupError);
    expect((error as Error).message).toContain('found no PostgreSQL under MikroORM. Use the driver of');
  });
});
