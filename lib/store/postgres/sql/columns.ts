import { ms, NOW, ONCE_OF_PRIMARY, SERVER } from './expressions.js';

/** The columns of the table, each with its type. The entity says the same to MikroORM. */
export const COLUMNS = {
  id: 'uuid not null',
  secret_hash: 'bytea not null',
  previous_secret_hash: 'bytea null',
  rotated_at: 'timestamptz(6) null',
  generation: 'int not null',
  user_id: 'text null',
  auth: 'jsonb null',
  authenticated_at: 'timestamptz(6) null',
  data: 'jsonb not null',
  ttl: 'bigint not null',
  created_at: 'timestamptz(6) not null',
  updated_at: 'timestamptz(6) not null',
  last_access_at: 'timestamptz(6) not null',
  expires_at: 'timestamptz(6) not null',
  ends_at: 'timestamptz(6) null',
  ip: 'text null',
  user_agent: 'text null',
  persistent: 'boolean null',
} as const;

type Column = keyof typeof COLUMNS;

const ALL = Object.keys(COLUMNS) as Column[];
const isTime = (column: Column): boolean => COLUMNS[column].startsWith('timestamptz');

// In what form each comes. A time is in milliseconds.
const valueOf = (row: string, column: Column): string => {
  const value = `${row}.${column}`;
  if (isTime(column)) return ms(value);
  const [type] = COLUMNS[column].split(' ');
  if (type === 'uuid' || type === 'jsonb') return `${value}::text`;
  return type === 'bigint' ? `${value}::float8` : value;
};

const nameOf = (column: Column): string => column.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());

const named = (some: readonly Column[], row: string, now: string): string =>
  [...some.map((column) => `${valueOf(row, column)} as "${nameOf(column)}"`), `${ms(now)} as "readAt"`].join(', ');

/** A row as a `StoredSession`. `updated_at` is for those who read the table. */
export const columns = (row: string, now = NOW): string => {
  return named(
    ALL.filter((column) => column !== 'updated_at'),
    row,
    now,
  );
};

/** A row as a `ListedSession`. */
export const listedColumns = (row: string, now: string): string =>
  named(
    ALL.filter((column) => !['auth', 'data', 'updated_at'].includes(column)),
    row,
    now,
  );

/** A row as `SessionSecrets`. */
export const secretColumns = (row: string, now: string): string =>
  named(['id', 'secret_hash', 'previous_secret_hash', 'rotated_at', 'authenticated_at'], row, now);

const CHANGED_BY_ACCESS: readonly Column[] = ['id', 'last_access_at', 'expires_at'];

/**
 * The same in the order in which `sessionOf` reads them: without casts and arithmetic, most of which a driver would only
 * undo, and without what a renewal does not change, where that is known. (To write down the data takes longer than all else.)
 */
export const rawColumns = (row: string, isKnown: string): string => {
  const plain = (column: string): string => `${row}.${column}`;
  const time = (column: string): string => `timestamptz_send(${row}.${column})`;
  const unlessKnown = (value: string): string => `case when ${isKnown} then null else ${value} end`;
  const rest = ALL.filter((column) => column !== 'updated_at' && !CHANGED_BY_ACCESS.includes(column));
  return [
    plain('id'),
    time('last_access_at'),
    time('expires_at'),
    `timestamptz_send(${ONCE_OF_PRIMARY})`,
    ...['version', ...rest.filter((column) => !isTime(column))].map(plain).map(unlessKnown),
    ...rest.filter(isTime).map(time).map(unlessKnown),
    unlessKnown(`(select ${SERVER})`),
  ].join(', ');
};
