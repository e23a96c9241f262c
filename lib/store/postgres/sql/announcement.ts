/**
 * What instances tell each other: the instance id of the sender, a colon, and the ids of sessions that have changed, or a star
 * for all; nothing where the sender tries whether it hears.
 */
export const CHANGES_CHANNEL = 'nestjs_mikro_session';

/** $1 a message. */
export const ANNOUNCE = `select pg_notify('${CHANGES_CHANNEL}', $1::text)`;

/** A message has room for 8,000 bytes (https://www.postgresql.org/docs/current/sql-notify.html). */
const MOST_IDS_ANNOUNCED = 200;

/** The table, and how its statements announce changes to instances that cache sessions. */
export interface SessionTable {
  /** Its quoted name. */
  readonly table: string;
  /** A part of a `with` clause that announces the ids of another part; empty where changes are not announced. */
  readonly announced: (changed: string) => string;
  /** To be joined to a statement's answer, so that the announcement is made. */
  readonly joined: string;
  /** Whether changes are announced: then a commit waits for its turn. */
  readonly announces: boolean;
}

/** @param instanceId who announces changes; `null` for none */
export function sessionTable(table: string, instanceId: string | null): SessionTable {
  if (instanceId === null) return { table, announced: () => '', joined: '', announces: false };
  // One message a statement, at its commit: a message a session would cost most of the throughput, for PostgreSQL takes
  // a lock of the whole server to order them.
  const announced = (changed: string): string => `, announced as materialized (
        select pg_notify('${CHANGES_CHANNEL}', '${instanceId}:' ||
                         case when count(*) > ${MOST_IDS_ANNOUNCED} then '*' else string_agg(id::text, ',') end)
        from ${changed} having count(*) > 0
      )`;
  return { table, announced, joined: 'cross join (select count(*) from announced) as joined', announces: true };
}
