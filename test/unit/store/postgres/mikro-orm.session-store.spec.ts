import { describe, expect, it } from '@jest/globals';
import type { MikroORM } from '@mikro-orm/core';
import { SessionSetupError } from '../../../../lib/session.errors.js';
import { MikroOrmSessionStore } from '../../../../lib/store/postgres/mikro-orm.session-store.js';

describe('MikroOrmSessionStore, before it is opened', () => {
  const options = { queryTimeout: 1_000, maxDataBytes: 1_000, ensureSchema: false };
  const store = new MikroOrmSessionStore({} as MikroORM, options);

  it('says what it is, and closes', async () => {
    expect(store.description).toBe('PostgreSQL');
    await expect(store.close()).resolves.toBeUndefined();
  });

  it('refuses to be used, and says when it can be', () => {
    expect(() => store.now()).toThrow(SessionSetupError);
    expect(() => store.now()).toThrow('is used before it was opened, which happens in onApplicationBootstrap()');
    expect(() => store.find('id')).toThrow(SessionSetupError);
  });
});
