import { shown } from '../shown.js';
import type { StatementName } from '../stats/session-stats.js';

/** What the statements of each name begin with, as far as they do the same. */
const VERBS: Readonly<Record<StatementName, string | null>> = {
  clock: 'SELECT',
  find: 'SELECT',
  list: 'SELECT',
  count: 'SELECT',
  create: 'INSERT',
  commit: 'UPDATE',
  renew: 'UPDATE',
  update: 'UPDATE',
  login: 'UPDATE',
  rotate: 'UPDATE',
  delete: 'DELETE',
  end_many: 'DELETE',
  sweep: 'DELETE',
  claim_sweep: 'SELECT',
  other: null,
};

/** The attributes of a statement, by the semantic conventions for databases; and its name here. */
export function statementAttributes(name: StatementName, table: string): Readonly<Record<string, string>> {
  const verb = VERBS[name];
  return {
    'db.system.name': 'postgresql',
    'db.collection.name': table,
    ...(verb !== null && { 'db.operation.name': verb, 'db.query.summary': `${verb} ${table}` }),
    'mikro_session.statement': name,
  };
}

/** What `error.type` says of a failure: the SQLSTATE, or the name of the error. */
export function errorType(error: unknown): string {
  const { cause } = error as { cause?: unknown };
  const code: unknown = (cause as { code?: unknown } | null | undefined)?.code;
  if (typeof code === 'string') return shown(code);
  return error instanceof Error ? shown(error.name) : '_OTHER';
}
