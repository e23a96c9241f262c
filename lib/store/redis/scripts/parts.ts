// A session is one hash. Of its fields those of one letter are ours, and those that begin with a quotation mark are the keys
// of its data, as JSON texts, with the values, as JSON texts:
//
//   s secret hash · p previous secret hash · r rotated at · g generation · v version · u user · a auth · n authenticated at
//   t ttl · c created at · l last access at · e expires at · x ends at · y kept until · k persistent · i ip · w user agent
//   b bytes of the data: for each key its name, its value, and two for the colon and the comma
//
// A version is the moment of the write, not a number: a failover can lose a write, and what was read then must not pass for what
// was written since.

const FIELDS = {
  secret: 's',
  generation: 'g',
  version: 'v',
  user: 'u',
  authenticated: 'n',
  ttl: 't',
  created: 'c',
  accessed: 'l',
  ends: 'x',
  kept: 'y',
  bytes: 'b',
} as const;

/**
 * What a script has to know of the session as it was when the script began: each a text in a variable of its name, or `false`;
 * `expires` as a number, or `nil`. By one command, and no more of them than needed: each takes a third of a microsecond.
 */
export function reading(...names: readonly (keyof typeof FIELDS)[]): string {
  return `
local ${['expires', ...names].join(', ')} = unpack(redis.call('HMGET', key, 'e'${names.map((name) => `, '${FIELDS[name]}'`).join('')}))
expires = tonumber(expires)
local isLive = expires ~= nil and expires > now
`;
}

/** What another hand has put in the place of a session goes: there is none then. */
export const NO_SESSION_GOES = `
local found = redis.pcall('HGET', key, 'e')
if type(found) == 'table' and string.find(found.err, 'WRONGTYPE', 1, true) then redis.call('DEL', key) end
`;

export const LASTING = `
-- Ends the session where an idle timeout says, and never after its absolute end.
local function expiry(moment, ttl, ends)
  local idle = moment + ttl
  return ends and math.min(idle, ends) or idle
end

-- The engine removes what has expired a while later: until then the sweep tells of it. Not told at each access, which
-- changes it by little: that would be a command more, for the replicas too.
local function keep(moment, slack, kept)
  local last = math.max(1, math.ceil(moment + slack))
  kept = tonumber(kept)
  if kept and kept <= last and last < kept + slack / 3 then return end
  redis.call('HSET', key, 'y', string.format('%.0f', last))
  -- Last: where that is past, the session is gone.
  redis.call('PEXPIREAT', key, string.format('%.0f', last))
end
`;

/** Whether a text is what is expected; an empty one for any. */
export const MEANT = `
local function is(text, expected)
  return expected == '' or text == expected
end
`;

/**
 * Merges changes of top-level keys, all of them or nothing. They stand in ARGV from a place on: four lists (unset, set,
 * increment, push), each after the number of its keys.
 */
export const MERGE = `
-- A number as a text that reads back as the same double; as short as a few digits allow.
local function number(value)
  if value == 0 then return '0' end
  for digits = 15, 17 do
    local text = string.format('%.' .. digits .. 'g', value)
    if tonumber(text) == value then return text end
  end
end

-- Calls a command with many arguments, in pieces: Lua's stack holds some thousands.
local function inPieces(command, list)
  for from = 1, #list, 1000 do
    redis.call(command, key, unpack(list, from, math.min(from + 999, #list)))
  end
end

local values, fields, lengths = {}, {}, {}

local function put(field, text)
  if values[field] == nil then fields[#fields + 1] = field end
  values[field] = text
end

-- Gives what was refused, and of which field; nothing where all can be written.
local function merge(place, isFlushed)
  local function value(field)
    local known = values[field]
    if known ~= nil then return known end
    local old = not isFlushed and redis.call('HGET', key, field)
    lengths[field] = old and #old or 0
    return old
  end
  local function each(width, visit)
    local count = tonumber(ARGV[place])
    for index = 0, count - 1 do
      local first = place + 1 + index * width
      local refusal = visit(ARGV[first], ARGV[first + width - 1])
      if refusal then return refusal, ARGV[first] end
    end
    place = place + 1 + count * width
  end
  each(1, function(field) put(field, false) end)
  each(2, function(field, text) put(field, text) end)
  local refusal, field = each(2, function(field, by)
    local old = value(field)
    local start = 0
    if old and old ~= 'null' then
      if not string.find(old, '^[-%d]') then return 'no number' end
      start = tonumber(old)
    end
    local sum = start + tonumber(by)
    if sum ~= sum or sum == math.huge or sum == -math.huge then return 'out of range' end
    put(field, number(sum))
  end)
  if refusal then return refusal, field end
  refusal, field = each(2, function(field, items)
    local old = value(field)
    if not old or old == 'null' or old == '[]' then
      put(field, items)
    elseif string.sub(old, 1, 1) ~= '[' then
      return 'no list'
    elseif items ~= '[]' then
      put(field, string.sub(old, 1, -2) .. ',' .. string.sub(items, 2))
    end
  end)
  return refusal, field
end

-- How many bytes the data then have, that had some.
local function sizeAfter(bytes, isFlushed)
  local size = isFlushed and 0 or tonumber(bytes) or 0
  for _, field in ipairs(fields) do
    local old = isFlushed and 0 or lengths[field] or redis.call('HSTRLEN', key, field)
    if old > 0 then size = size - #field - old - 2 end
    if values[field] then size = size + #field + #values[field] + 2 end
  end
  return size
end

-- Together with other fields, and their values.
local function write(isFlushed, there)
  local gone = {}
  if isFlushed then
    for _, field in ipairs(redis.call('HKEYS', key)) do
      if string.byte(field) == 34 then gone[#gone + 1] = field end
    end
  end
  for _, field in ipairs(fields) do
    if values[field] then
      there[#there + 1] = field
      there[#there + 1] = values[field]
    else
      gone[#gone + 1] = field
    end
  end
  inPieces('HDEL', gone)
  inPieces('HSET', there)
end
`;
