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

// In double precision, as JavaScript would; adding to what is not a number is refused.
const sum = (value: string, by: string): string => `coalesce(nullif(${value}, 'null')::float8, 0) + ${by}`;

// Subtracting an index that no array has changes no array, and is an error for anything else: so a push to what is not an
// array is refused.
const appended = (value: string, items: string): string =>
  `(coalesce(nullif(${value}, 'null'), '[]') - 2147483647) || ${items}`;

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

// Changes to top-level keys, applied to the data as it is. Stored data that is not an object counts as empty. What is absent
// from the changes is not worked out, and the data, which may be big, is copied once.
export const merged = (data: string, change: string, kinds: readonly ChangeKind[]): string => {
  const kept = `case when coalesce(jsonb_typeof(${data}), 'null') <> 'object' then '{}' else ${
    !kinds.includes('unset')
      ? data
      : `case when ${change}.unset is null then ${data}
              else ${data} - coalesce((select array_agg(key) from jsonb_array_elements_text(${change}.unset) as key), '{}') end`
  } end`;
  const patches = {
    set: `coalesce(${change}.set, '{}')`,
    increment: `
      case when ${change}.increment_key is null then '{}'
           else jsonb_build_object(${change}.increment_key, ${sum(`${data}->${change}.increment_key`, `${change}.increment`)}) end`,
    increments: `
      case when ${change}.increments is null then '{}'
           else (select jsonb_object_agg(key, ${sum(`${data}->key`, 'by::float8')})
                 from jsonb_each(${change}.increments) as each(key, by)) end`,
    push: `
      case when ${change}.push_key is null then '{}'
           else jsonb_build_object(${change}.push_key, ${appended(`${data}->${change}.push_key`, `${change}.push`)}) end`,
    pushes: `
      case when ${change}.pushes is null then '{}'
           else (select jsonb_object_agg(key, ${appended(`${data}->key`, 'items')})
                 from jsonb_each(${change}.pushes) as each(key, items)) end`,
  };
  const present = Object.entries(patches).filter(([kind]) => kinds.includes(kind as ChangeKind));
  return present.length === 0 ? kept : `(${kept}) || (${present.map(([, patch]) => patch).join(' || ')})`;
};
