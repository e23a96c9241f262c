import { script } from './script.js';

// The sessions of a user: a sorted set of their ids, by the moment at which each began, as far as that is known.

/**
 * Adds a session. 2 its id, 3 when it began, or an empty text for now, 4 how long the set is to be kept, in milliseconds. Gives how many
 * there are then; 0 where it was there.
 */
export const ADD = script(
  'index',
  '',
  `
local added = redis.call('ZADD', key, 'GT', ARGV[3] == '' and ms(now) or ARGV[3], ARGV[2])
local keepUntil = math.ceil(now + tonumber(ARGV[4]))
if redis.call('PEXPIRETIME', key) < keepUntil then
  redis.call('PEXPIREAT', key, string.format('%.0f', keepUntil))
end
return {ms(now), 'ok', added == 1 and redis.call('ZCARD', key) or 0}`,
);

/** All of them, oldest first: each id, and when it began. */
export const LIST = script(
  'list',
  'no-writes',
  `
return {ms(now), 'ok', redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')}`,
);

/** Takes sessions out: from 2 on, each id, and the moment under which it is there; an empty text for any. */
export const REMOVE = script(
  'unlink',
  'allow-oom',
  `
for index = 2, #ARGV, 2 do
  if ARGV[index + 1] == '' or redis.call('ZSCORE', key, ARGV[index]) == ARGV[index + 1] then
    redis.call('ZREM', key, ARGV[index])
  end
end
return {ms(now), 'ok'}`,
);

/** Takes a lease, or keeps it. 2 whose, 3 for how long, in milliseconds. */
export const CLAIM = script(
  'claim',
  'allow-oom',
  `
local holder = redis.call('GET', key)
if holder and holder ~= ARGV[2] then return {ms(now), 'held'} end
redis.call('SET', key, ARGV[2], 'PX', ARGV[3])
return {ms(now), 'ok'}`,
);

/** Gives a lease back. 2 whose. */
export const RELEASE = script(
  'release',
  'allow-oom',
  `
if redis.call('GET', key) == ARGV[2] then redis.call('DEL', key) end
return {ms(now), 'ok'}`,
);
