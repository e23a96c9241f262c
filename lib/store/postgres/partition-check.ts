import { quotedName } from './sql/quoting.js';
import { quoted } from './table-name.js';
import type { FoundPartitioning } from './table-state.js';

/** What `partstrat` says. */
const STRATEGIES: Readonly<Record<string, string | undefined>> = { h: 'hash', l: 'list', r: 'range' };

/** What a partition may be instead of an ordinary table. */
const OTHER_KINDS: Readonly<Record<string, string | undefined>> = { f: 'a foreign table', p: 'partitioned itself' };

/**
 * What keeps sessions out of a partitioned table, and the fix.
 *
 * @param table what it is called in a sentence
 */
export function partitionFlaw(
  table: string,
  { strategy, columns, partitions }: FoundPartitioning,
): { readonly problem: string; readonly fix: string } | null {
  if (strategy !== 'h' || columns.length !== 1 || columns[0] !== 'id') {
    const key = columns.map((name) => (name === null ? 'an expression' : quotedName(name))).join(', ');
    const how = `by ${STRATEGIES[strategy] ?? 'something else'} (${key})`;
    return {
      problem: `${table} is partitioned ${how}, and must be an ordinary table, or partitioned by hash ("id").`,
      fix: 'Rename it, or drop it, and apply SessionMigration, or SessionMigration.partitioned(16).',
    };
  }
  const other = partitions.find(({ kind }) => kind !== 'r');
  if (other !== undefined) {
    return {
      problem: `${table} has the partition ${quoted(other)}, which is ${OTHER_KINDS[other.kind] ?? 'something else'}, and must be an ordinary table.`,
      fix: 'Detach it, and create an ordinary partition with the same values in its place.',
    };
  }
  // Shares of powers of two, or of any moduli that divide one another: far apart, where one is missing.
  const share = partitions.reduce((sum, { modulus }) => sum + 1 / (modulus ?? Infinity), 0);
  if (share > 1 - 1e-9) return null;
  return {
    problem: `${table} has no partition for ${Math.ceil((1 - share) * 100 - 1e-6)} % of all ids, whose sessions could not be stored.`,
    fix: 'Create the partitions that are missing: "nestjs-mikro-session schema --partitions" prints statements for all.',
  };
}
