import type { SessionStats } from 'nestjs-mikro-session';

/** What happened in a time, and what is so at its end. `null`: nothing of the kind happened, or it is not known. */
export interface Figures {
  /** Live sessions, of all processes. */
  readonly live: number | null;
  /** Requests a second that came with a session, or began one. */
  readonly requests: number;
  readonly statements: number | null;
  /** How many look-ups shared a statement, and how many commits. */
  readonly lookupBatch: number | null;
  readonly commitBatch: number | null;
  /** How long their statements took, in milliseconds. */
  readonly lookupTime: number | null;
  readonly commitTime: number | null;
  /** Changes that were refused, as their session had ended or been logged in to anew. */
  readonly conflicts: number;
}

/** Statements that no request waits for. */
const NOT_OF_REQUESTS = new Set(['clock', 'count', 'sweep', 'claim_sweep']);

/**
 * The figures of a time, from the totals at its end and at its start.
 *
 * @param start `null`: since the process began to count
 */
export function figuresOf(
  end: SessionStats,
  start: SessionStats | null,
  seconds: number,
  live: number | null,
): Figures {
  const rise = (total: (stats: SessionStats) => number): number => total(end) - (start === null ? 0 : total(start));
  const mean = (values: (stats: SessionStats) => { count: number; sum: number } | undefined): number | null =>
    ratio(
      rise((stats) => values(stats)?.sum ?? 0),
      rise((stats) => values(stats)?.count ?? 0),
    );
  const requests = rise(requestsOf);
  return {
    live,
    requests: requests / seconds,
    statements: end.statements === null ? null : ratio(rise(statementsOf), requests),
    lookupBatch: mean(({ queues }) => queues?.find.batchSize),
    commitBatch: mean(({ queues }) => queues?.commit.batchSize),
    lookupTime: mean(({ statements }) => statements?.find.duration),
    commitTime: mean(({ statements }) => statements?.commit.duration),
    conflicts: rise(({ commits }) => commits.conflicts),
  };
}

function requestsOf({ tokens, sessions }: SessionStats): number {
  return tokens.accepted + sumOf(Object.values(tokens.rejected)) + sessions.created;
}

function statementsOf({ statements }: SessionStats): number {
  const ofRequests = Object.entries(statements ?? {}).filter(([name]) => !NOT_OF_REQUESTS.has(name));
  return sumOf(ofRequests.map(([, { duration }]) => duration.count));
}

function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, one) => sum + one, 0);
}
