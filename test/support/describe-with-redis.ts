import { spawnSync } from 'node:child_process';
import { describe } from '@jest/globals';
import { REDIS_SERVER } from './redis-server.js';

const isInstalled = spawnSync(REDIS_SERVER, ['--version']).status === 0;
if (!isInstalled) process.stderr.write(`${REDIS_SERVER} is not installed (Debian: apt-get install redis-server).\n`);

/** `describe()` for tests that need Redis: they are skipped where it is not installed, and fail in CI. */
export const describeWithRedis = isInstalled || process.env['CI'] ? describe : describe.skip;
