import { createHash } from 'node:crypto';

/** A script that Redis runs, and by which name Redis knows it. */
export interface Script {
  /** For messages. */
  readonly name: string;
  readonly text: string;
  /** SHA-1 of the text. */
  readonly sha: string;
  /** Whether a replica would run it as well. */
  readonly isReading: boolean;
}

/**
 * What every script begins with. `ARGV[1]` is the deadline, in milliseconds of the clock of the node that runs it; what comes
 * later does nothing. Every answer is a list of texts: the clock, a word for what became of it, and what it gives.
 */
const PRELUDE = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local key = KEYS[1]

-- A time as a text, exact to a microsecond.
local function ms(moment)
  return string.format('%.3f', moment)
end

if now >= tonumber(ARGV[1]) then
  return {ms(now), 'late'}
end
`;

/**
 * @param flags as Redis has them: https://redis.io/docs/latest/develop/programmability/lua-api/#script_flags. With none, it
 *   is refused where the memory is full, before it has written anything.
 */
export function script(name: string, flags: 'no-writes' | 'allow-oom' | '', body: string): Script {
  const text = `#!lua${flags === '' ? '' : ` flags=${flags}`}${PRELUDE}${body}`;
  return { name, text, sha: createHash('sha1').update(text).digest('hex'), isReading: flags === 'no-writes' };
}
