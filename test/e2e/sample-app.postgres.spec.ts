import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { startLocalPostgres } from '../../sample-app/local-postgres.js';

describe('a PostgreSQL of its own', () => {
  it('is started once for all who come at the same moment, and stopped by the last to leave', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sample-app-test-'));
    await chmod(folder, 0o755);
    const guests = await Promise.all([1, 2, 3].map(() => startLocalPostgres(folder)));
    const urls = await Promise.all(guests.map((guest) => guest.url('shop')));
    expect(new Set(urls).size).toBe(1);
    const isRunning = async (): Promise<boolean> => {
      const client = new pg.Client({ connectionString: urls[0] });
      try {
        await client.connect();
        await client.end();
        return true;
      } catch {
        return false;
      }
    };
    for (const guest of guests) {
      expect(await isRunning()).toBe(true);
      await guest.release();
    }
    expect(await isRunning()).toBe(false);
    await rm(folder, { recursive: true });
  });
});
