import { describe, expect, it } from '@jest/globals';
import { RedisRefusal } from '../../../../lib/store/redis/connections.js';
import { setupError } from '../../../../lib/store/redis/start-check.js';

describe('What keeps sessions in Redis from starting', () => {
  it.each([
    "ERR The user executing the script can't run this command or subcommand script: e93b, on @user_script:16.",
    "ERR ACL failure in script: User sessions has no permissions to run the 'hget' command script: e93b, on @user_script:16.",
    "NOPERM User sessions has no permissions to run the 'scan' command",
  ])('is a right that is missing, as Redis or Valkey says: %s', (message) => {
    const error = setupError('waited for Redis to be ready', new RedisRefusal(message));
    expect(error.message).toBe(
      `Sessions could not start. They waited for Redis to be ready: ${message.replace(/\.$/, '')}. Give the user of Redis the ` +
        'commands and keys that docs/redis.md lists.',
    );
  });

  it.each([
    'MISCONF Redis is configured to save RDB snapshots, but it is currently unable to persist to disk',
    "ERR unknown command 'EVALSHA', with args beginning with: 'e93b'",
  ])('is what Redis answers, and not where it is: %s', (message) => {
    const error = setupError('waited for Redis to be ready', new RedisRefusal(message));
    expect(error.message).toBe(
      `Sessions could not start. They waited for Redis to be ready: ${message}. Redis answers, and does not do what sessions need: ` +
        'mend what it says.',
    );
  });
});
