/**
 * What a commit can be made of, and what its statement takes for each: arrays with a value for every session, null where
 * there is none. Who adds mostly adds to one key. That takes PostgreSQL less than to look through an object of several: so
 * there are two kinds of either addition, and of what must still be there.
 */
export const CHANGE_COLUMNS = {
  set: { set: 'jsonb' },
  unset: { unset: 'jsonb' },
  increment: { increment_key: 'text', increment: 'float8' },
  increments: { increments: 'jsonb' },
  push: { push_key: 'text', push: 'jsonb' },
  pushes: { pushes: 'jsonb' },
  found: { found_key: 'text', found: 'jsonb' },
  founds: { founds: 'jsonb' },
  lifetime: { ttl: 'bigint', absolute: 'bigint', endless: 'boolean' },
} as const;

/** One of them. */
export type ChangeKind = keyof typeof CHANGE_COLUMNS;

// What an addition makes of a value, or null where it cannot be added to. Null is as good as absent. Nothing of it must be an error:
// that is one of the whole statement, and visitors can bring it about.
const added = (value: string, type: string, empty: string, sum: string, isSum = 'true'): string =>
  `case coalesce(jsonb_typeof(${value}), 'null') when 'null' then ${empty} when '${type}' then case when ${isSum} then ${sum} end end`;

// To overflow takes two numbers of the same sign, each of at least half a unit in the last place of the largest: 2^970, of which 1e291 is
// somewhat less. Of such the halves add up to what is half the sum to the last digit: it is out of range from 2^1023 on.
const isInRange = (value: string, by: string): string =>
  `case when abs(${by}) < 1e291 then true when abs(${value}::float8) < 1e291 then true
        else abs(${value}::float8 / 2 + ${by} / 2) < 8.9884656743115795e307 end`;

// In double precision, as JavaScript would. `of`: what becomes of it, unless there is none.
const sum = (value: string, by: string, of = (total: string): string => total): string =>
  added(value, 'number', of(by), of(`${value}::float8 + ${by}`), isInRange(value, by));

const appended = (value: string, items: string, of = (list: string): string => list): string =>
  added(value, 'array', of(items), of(`${value} || ${items}`));

/**
 * Has the rest of the statement write numbers to the last digit, whatever the server, database or role is set to: sums are
 * doubles, which become text on their way into the data. To be read by what merges.
 */
export const EXACT = `exact as materialized (select set_config('extra_float_digits', '1', true) as digits)`;

/** Whether merging these adds numbers. */
export const addsNumbers = (kinds: readonly ChangeKind[]): boolean =>
  kinds.includes('increment') || kinds.includes('increments');

/** Whether the data do not say any more what was found in them. */
export const outdated = (data: string, change: string, kinds: readonly ChangeKind[]): string | null => {
  const isOther = (key: string, value: string): string => `coalesce(${data}->${key}, 'null') <> ${value}`;
  if (kinds.includes('found'))
    return `${change}.found_key is not null and ${isOther(`${change}.found_key`, `${change}.found`)}`;
  if (!kinds.includes('founds')) return null;
  return `exists (select from jsonb_each(${change}.founds) as f(key, value) where ${isOther('f.key', 'f.value')})`;
};

// Changes to top-level keys, applied to the data as it is: null where a value is not what is to be added to. Stored data that is not an
// object counts as empty. What is absent from the changes is not worked out, and the data, which may be big, is copied once.
export const merged = (data: string, change: string, kinds: readonly ChangeKind[]): string => {
  const kept = `case when coalesce(jsonb_typeof(${data}), 'null') <> 'object' then '{}' else ${
    !kinds.includes('unset')
      ? data
      : `case when ${change}.unset is null then ${data}
              else ${data} - coalesce((select array_agg(key) from jsonb_array_elements_text(${change}.unset) as key), '{}') end`
  } end`;
  const one =
    (key: string) =>
    (value: string): string =>
      `jsonb_build_object(${change}.${key}, ${value})`;
  const several = (changes: string, value: string): string => `
      case when ${change}.${changes} is null then '{}'
           else (select case when bool_and(value is not null) then jsonb_object_agg(key, value) end
                 from (select key, ${value} as value from jsonb_each(${change}.${changes}) as each(key, by) offset 0) as each) end`;
  const patches = {
    set: `coalesce(${change}.set, '{}')`,
    increment: `
      case when ${change}.increment_key is null then '{}'
           else ${sum(`(${data}->${change}.increment_key)`, `${change}.increment`, one('increment_key'))} end`,
    increments: several('increments', sum(`(${data}->key)`, 'by::float8')),
    push: `
      case when ${change}.push_key is null then '{}'
           else ${appended(`(${data}->${change}.push_key)`, `${change}.push`, one('push_key'))} end`,
    pushes: several('pushes', appended(`(${data}->key)`, 'by')),
  };
  const present = Object.entries(patches).filter(([kind]) => kinds.includes(kind as ChangeKind));
  return present.length === 0 ? kept : `(${kept}) || (${present.map(([, patch]) => patch).join(' || ')})`;
};
