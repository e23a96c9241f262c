import { LASTING, MEANT, MERGE, NO_SESSION_GOES, reading } from './parts.js';
import { script } from './script.js';

// What one session's key takes. `ARGV[1]` is the deadline; an empty text stands for none, or any.

/** Some fields of a live session: those that are named from 2 on. */
export const GLANCE = script(
  'glance',
  'no-writes',
  `${reading()}
if not isLive then return {ms(now), 'gone'} end
local found = {}
for index = 2, #ARGV do
  local text = redis.call('HGET', key, ARGV[index])
  if text then
    found[#found + 1] = ARGV[index]
    found[#found + 1] = text
  end
end
return {ms(now), 'ok', found}`,
);

/**
 * Stores a session, unless there is one. 2 ttl, 3 absolute timeout, 4 slack, 5 whether its user signs in; then its fields but for
 * the times, and their values. Gives all fields.
 */
export const CREATE = script(
  'create',
  '',
  `${reading()}${LASTING}
if expires then return {ms(now), 'there'} end
local ttl, absolute, slack = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local ends = absolute and now + absolute
local list = {'t', ARGV[2], 'c', ms(now), 'l', ms(now), 'e', ms(expiry(now, ttl, ends)), unpack(ends and {'x', ms(ends)} or {})}
if ARGV[5] == '1' then
  list[#list + 1] = 'n'
  list[#list + 1] = ms(now)
end
redis.call('HSET', key, unpack(list))
for from = 6, #ARGV, 1000 do
  redis.call('HSET', key, unpack(ARGV, from, math.min(from + 999, #ARGV)))
end
local fields = redis.call('HGETALL', key)
keep(expiry(now, ttl, ends), slack)
return {ms(now), 'ok', fields}`,
);

/**
 * Merges changes. 2 generation, 3 version, 4 how many bytes the data may have, 5 slack, 6 whether it is an access, 7 a new ttl,
 * 8 a new absolute timeout, or "none"; 9 the changes. Gives its ttl, last access, expiry, absolute end, user and start.
 */
export const COMMIT = script(
  'commit',
  '',
  `${reading('generation', 'version', 'bytes', 'ttl', 'accessed', 'ends', 'kept', 'authenticated', 'created', 'user')}${LASTING}${MEANT}${MERGE}
if not isLive or not is(generation, ARGV[2]) then return {ms(now), 'gone'} end
if not is(version, ARGV[3]) then return {ms(now), 'changed'} end
local refusal, field = merge(9, false)
if refusal then return {ms(now), refusal, field} end
local size = sizeAfter(bytes, false)
if #fields > 0 and size + 1 > tonumber(ARGV[4]) then return {ms(now), 'too large'} end

local start = authenticated or created
ttl, ends = tonumber(ttl), tonumber(ends)
local newTtl = tonumber(ARGV[7])
if newTtl then
  ttl = newTtl
  if ARGV[8] == 'none' then ends = nil
  elseif ARGV[8] ~= '' then ends = tonumber(start) + tonumber(ARGV[8])
  elseif ends then ends = math.max(ends, tonumber(start) + ttl) end
  expires = expiry(now, ttl, ends)
elseif ARGV[6] == '1' then
  expires = math.max(expires, expiry(now, ttl, ends))
end
if ARGV[6] == '1' then accessed = ms(now) end
write(false, {'v', ms(now), 'b', string.format('%.0f', size), 'l', accessed, 'e', ms(expires)})
if newTtl then
  redis.call('HSET', key, 't', string.format('%.0f', ttl))
  if ends then redis.call('HSET', key, 'x', ms(ends)) else redis.call('HDEL', key, 'x') end
end
keep(expires, tonumber(ARGV[5]), kept)
return {ms(now), 'ok', string.format('%.0f', ttl), accessed, ms(expires), ends and ms(ends) or '', user or '', start}`,
);

/**
 * Moves the expiry forward. 2 how many milliseconds ago the access was, 3 slack. Gives the session's user, start and ttl. It may
 * where the memory is full: it makes nothing longer.
 */
export const RENEW = script(
  'renew',
  'allow-oom',
  `${reading('ttl', 'accessed', 'ends', 'kept', 'authenticated', 'created', 'user')}${LASTING}
if not isLive then return {ms(now), 'gone'} end
local access = now - tonumber(ARGV[2])
expires = math.max(expires, expiry(access, tonumber(ttl), tonumber(ends)))
redis.call('HSET', key, 'l', ms(math.max(tonumber(accessed), access)), 'e', ms(expires))
keep(expires, tonumber(ARGV[3]), kept)
return {ms(now), 'ok', user or '', authenticated or created, ttl}`,
);

/**
 * A new secret, a new start, and a user. 2 generation, 3 version, 4 how many bytes the data may have, 5 slack, 6 whether to drop
 * the data, 7 ttl, 8 absolute timeout, 9 new generation, 10 new secret hash, 11 previous one, 12 user, 13 auth, 14 persistent;
 * 15 the changes. Gives all fields.
 */
export const LOGIN = script(
  'login',
  '',
  `${reading('generation', 'version', 'bytes', 'secret', 'kept')}${LASTING}${MEANT}${MERGE}
if not isLive or not is(generation, ARGV[2]) then return {ms(now), 'gone'} end
if not is(version, ARGV[3]) then return {ms(now), 'changed'} end
local isFlushed = ARGV[6] == '1'
local refusal, field = merge(15, isFlushed)
if refusal then return {ms(now), refusal, field} end
local size = sizeAfter(bytes, isFlushed)
if #fields > 0 and size + 1 > tonumber(ARGV[4]) then return {ms(now), 'too large'} end

local ttl, absolute = tonumber(ARGV[7]), tonumber(ARGV[8])
local ends = absolute and now + absolute
local previous = ARGV[11] ~= '' and ARGV[11] or secret
write(isFlushed, {'s', ARGV[10], 'p', previous, 'r', ms(now), 'n', ms(now), 'g', ARGV[9],
  'v', ms(now), 'b', string.format('%.0f', size), 't', ARGV[7], 'l', ms(now),
  'e', ms(expiry(now, ttl, ends))})
for name, text in pairs({x = ends and ms(ends) or '', u = ARGV[12], a = ARGV[13], k = ARGV[14]}) do
  if text == '' then redis.call('HDEL', key, name) else redis.call('HSET', key, name, text) end
end
local all = redis.call('HGETALL', key)
keep(expiry(now, ttl, ends), tonumber(ARGV[5]), kept)
return {ms(now), 'ok', all}`,
);

/** A new secret. 2 generation, 3 the secret hash that is known, 4 the new one. */
export const ROTATE = script(
  'rotate',
  '',
  `${reading('generation', 'secret')}${MEANT}
if not isLive or not is(generation, ARGV[2]) then return {ms(now), 'gone'} end
if not is(secret, ARGV[3]) then return {ms(now), 'overtaken'} end
redis.call('HSET', key, 's', ARGV[4], 'p', ARGV[3], 'r', ms(now), 'v', ms(now))
return {ms(now), 'ok'}`,
);

/** Ends a live session. 2 generation, 3 user. Gives its user. `absent`: there is none, which replicas are to confirm all the same. */
export const DELETE = script(
  'delete',
  'allow-oom',
  `
if ARGV[2] == '' and ARGV[3] == '' then${NO_SESSION_GOES}end
${reading('generation', 'user')}${MEANT}
if not isLive or not is(generation, ARGV[2]) or not is(user, ARGV[3]) then return {ms(now), 'absent'} end
redis.call('DEL', key)
return {ms(now), 'ok', user or ''}`,
);

/**
 * Looks that there is no live session, which replicas are to confirm. 2 user. `live`: there is one. A replica itself refuses it, as it
 * says nowhere that it only reads.
 */
export const CONFIRM = script(
  'confirm',
  'allow-oom',
  `${reading('user')}${MEANT}
if isLive and is(user, ARGV[2]) then return {ms(now), 'live'} end
return {ms(now), 'ok'}`,
);

/**
 * Ends a live session, but for one that was created since: 2 how many milliseconds ago that is, to which the way here adds; 3 what its
 * node's clock was then, where that is known. One that begins in the future is from before that clock was set back; one that begins at no
 * time is as old as any.
 */
export const END = script(
  'end',
  'allow-oom',
  `${NO_SESSION_GOES}${reading('created')}
if not expires then return {ms(now), 'absent'} end
local start = tonumber(created)
local since = now - tonumber(ARGV[2])
since = math.min(since, tonumber(ARGV[3]) or since)
if not isLive or (start and start > since and start <= now) then return {ms(now), 'gone'} end
redis.call('DEL', key)
return {ms(now), 'ok'}`,
);

/**
 * Changes nothing, of a session or of the list of a user, by a write that replicas get: when they have confirmed it, they have all that
 * was written before.
 */
export const TOUCH = script(
  'touch',
  'allow-oom',
  `
if type(redis.pcall('HSET', key, 'z', '')) == 'number' then
  redis.call('HDEL', key, 'z')
else
  redis.call('ZADD', key, 0, '')
  redis.call('ZREM', key, '')
end
return {ms(now), 'ok'}`,
);

/** Removes an expired session. Gives its user. */
export const EXPIRE = script(
  'expire',
  'allow-oom',
  `${reading('user')}
if not expires or isLive then return {ms(now), 'gone'} end
redis.call('DEL', key)
return {ms(now), 'ok', user or ''}`,
);

/** Whether a session is live. Gives its user, generation, and the moment of its login. */
export const LOOK = script(
  'look',
  'no-writes',
  `${reading('user', 'generation', 'authenticated')}
if not isLive then return {ms(now), 'gone'} end
return {ms(now), 'ok', user or '', generation or '', authenticated or ''}`,
);
