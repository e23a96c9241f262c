import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from '@jest/globals';
import type { SessionModuleOptions } from 'nestjs-mikro-session';
import { createDatabase } from '../support/database.js';

const RUN = fileURLToPath(new URL('../history/dist/run.js', import.meta.url));
/** In milliseconds. Interrupted then, it ends its servers and says how far it came. */
const PATIENCE = 60_000;

interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

const ENCRYPTION = { keys: [randomBytes(32).toString('base64')] };
// So long that only messages can explain that changes are seen.
const CACHE = { ttl: '1h' } as const;

// The same with a million operations: npm run check:history.
it.each<[string, string, SessionModuleOptions]>([
  ['as they are', '4000', {}],
  ['with the cache', '2000', { cache: CACHE }],
  ['with encryption', '2000', { encryption: ENCRYPTION }],
  ['with the cache and encryption', '2000', { cache: CACHE, encryption: ENCRYPTION }],
])(
  'keeps every promise to clients that share sessions through two processes, %s',
  async (_how, operations, options) => {
    const database = await createDatabase();
    try {
      const env = { ...process.env, DATABASE_URL: database.url };
      const args = [RUN, '--operations', operations, '--options', JSON.stringify(options)];
      const running = promisify(execFile)(process.execPath, args, {
        env,
        timeout: PATIENCE,
        maxBuffer: 64 * 1024 * 1024,
      });
      // It fails when a promise is broken; what it printed tells the history around it, and the seed.
      const { stdout, stderr } = await running.catch((failure: unknown) => failure as Output);
      expect(stderr).toBe('');
      expect(stdout).toContain('\nNo violations.\n');
      expect(stdout).toContain('\n0 ambiguous;');
    } finally {
      await database.drop();
    }
  },
  2 * PATIENCE,
);
