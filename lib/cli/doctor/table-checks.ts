import { quotedText } from '../../store/postgres/sql/quoting.js';
import { counted, numbered } from '../output.js';
import { type Check, check } from './check.js';
import { quoted } from '../../store/postgres/table-name.js';
import type { TableFacts, TableStorage } from './table-facts.js';

/** That of the migration, in per cent, and what still leaves room enough. */
const FILLFACTOR = 70;
const HIGHEST_FILLFACTOR = 90;

/** How many updates tell something of their kind. */
const ENOUGH_UPDATES = 1_000;
/** Logins touch the index on users; hardly anything else should. */
const LOWEST_HOT_SHARE = 0.75;

/** A server vacuums by itself long before that (https://www.postgresql.org/docs/current/runtime-config-autovacuum.html). */
const MANY_DEAD_ROWS = 10_000;
const HIGHEST_DEAD_SHARE = 0.5;

/** In bytes: less is no trouble, however empty. */
const SMALLEST_BLOAT = 4 * 1024 * 1024;
/** How many times the space that its rows need a table may have: room for updates is a third already. */
const HIGHEST_BLOAT = 3;

/** Those that have expired so long ago, in milliseconds, that a sweep should have come by: four of the default intervals. */
export const WAITING_SINCE = 3_600_000;
const MANY_WAITING = 1_000;

/**
 * How the table is kept.
 *
 * @param table its quoted name
 */
export function tableChecks(table: string, facts: TableFacts): Check[] {
  return [
    hotShareOf(table, facts),
    fillfactorOf(facts),
    deadRowsOf(table, facts),
    bloatOf(table, facts),
    loggedOf(facts),
  ];
}

function hotShareOf(table: string, { updates, hotUpdates, isPartitioned }: TableFacts): Check {
  const share = updates === 0 ? 1 : Math.min(1, hotUpdates / updates);
  const seen = updates === 0 ? 'no update yet' : `${percent(share)} of ${counted(updates, 'update')}`;
  const named = `${quotedText(table)}::regclass`;
  const reset = isPartitioned
    ? `select pg_stat_reset_single_table_counters(inhrelid) from pg_inherits where inhparent = ${named}`
    : `select pg_stat_reset_single_table_counters(${named})`;
  const isLow = updates >= ENOUGH_UPDATES && share < LOWEST_HOT_SHARE;
  return check(
    'HOT updates',
    seen,
    isLow
      ? {
          problem: `Only ${seen} touched no index (HOT); it should be nearly all.`,
          fix:
            `Drop indexes on what renewals change, set the fillfactor, and look in pg_stat_activity for transactions that stay ` +
            `open, which keep the space of old rows; then run "${reset}" to count anew.`,
        }
      : null,
  );
}

function fillfactorOf({ storage }: TableFacts): Check {
  const fillfactor = highestFillfactor(storage);
  const full = storage.filter((one) => one.fillfactor > HIGHEST_FILLFACTOR);
  return check(
    'fillfactor',
    `${fillfactor} %`,
    full.length === 0
      ? null
      : {
          problem: `The fillfactor is ${fillfactor} %: a full page has no room for the next version of its rows.`,
          fix: `Run ${altering(full, `set (fillfactor = ${FILLFACTOR})`)}; it holds for pages that are filled from then on.`,
        },
  );
}

function highestFillfactor(storage: readonly TableStorage[]): number {
  return Math.max(...storage.map(({ fillfactor }) => fillfactor));
}

/** The statement that changes what keeps rows: the table, or its partitions. */
function altering([first, ...others]: readonly TableStorage[], change: string): string {
  const statement = `"alter table ${quoted(first as TableStorage)} ${change}"`;
  return others.length === 0 ? statement : `${statement}, and the same for ${counted(others.length, 'more partition')}`;
}

function deadRowsOf(table: string, { liveRows, deadRows, storage }: TableFacts): Check {
  const forgotten = storage.filter(({ isAutovacuumed }) => !isAutovacuumed);
  const share = deadRows / Math.max(1, liveRows + deadRows);
  const seen = `${counted(deadRows, 'dead row')} beside ${numbered(liveRows)}`;
  if (forgotten.length > 0) {
    return check('vacuum', seen, {
      problem: 'The automatic vacuum is switched off for the table, which then only grows.',
      fix: `Run ${altering(forgotten, 'reset (autovacuum_enabled)')}.`,
    });
  }
  const isMuch = deadRows >= MANY_DEAD_ROWS && share > HIGHEST_DEAD_SHARE;
  return check(
    'vacuum',
    seen,
    isMuch
      ? {
          problem: `The vacuum does not keep up: there are ${seen} that live.`,
          fix:
            `Run "vacuum ${table}", and look in pg_stat_activity for transactions that stay open: what they may still see ` +
            'is not removed.',
        }
      : null,
  );
}

function bloatOf(table: string, { pages, pageBytes, rows, rowBytes, storage }: TableFacts): Check {
  const bytes = pages * pageBytes;
  if (rows === null || rowBytes === null) {
    return check('size', `${megabytes(bytes)}; it was not analyzed yet`, null);
  }
  const needed = (rows * rowBytes * 100) / Math.min(highestFillfactor(storage), FILLFACTOR);
  const isMuch = bytes - needed > SMALLEST_BLOAT && bytes > HIGHEST_BLOAT * needed;
  return check(
    'size',
    `${megabytes(bytes)} for ${counted(Math.round(rows), 'row')}`,
    isMuch
      ? {
          problem: `The table takes ${megabytes(bytes)}, of which its ${counted(Math.round(rows), 'row')} need some ${megabytes(needed)}.`,
          fix:
            `Find out what has filled it (expired rows that were not removed, a vacuum that was held up). To have the space ` +
            `back, run "vacuum full ${table}" while nothing uses it, or pg_repack.`,
        }
      : null,
  );
}

function loggedOf({ storage }: TableFacts): Check {
  const unlogged = storage.filter(({ isUnlogged }) => isUnlogged);
  return check(
    'durability',
    'the table is logged',
    unlogged.length > 0
      ? {
          problem: 'The table is unlogged: a crash of the server ends all sessions, and a standby has none.',
          fix: `Run ${altering(unlogged, 'set logged')}, which locks it while it is written anew.`,
        }
      : null,
  );
}

/** @param waiting how many have expired before {@link WAITING_SINCE} */
export function expiredCheck(waiting: number): Check {
  return check(
    'expired rows',
    `${numbered(waiting)} for longer than an hour`,
    waiting < MANY_WAITING
      ? null
      : {
          problem: `${counted(waiting, 'session')} expired more than an hour ago, and the rows are still there: is there a process that sweeps?`,
          fix:
            'Run "nestjs-mikro-session purge" now. Then see what the log says of the sweep; with "sweep: false", call ' +
            'SessionService.purgeExpired() from a job.',
        },
  );
}

function percent(share: number): string {
  return `${Math.floor(share * 100)} %`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}
