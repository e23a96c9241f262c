import type { Fault } from './fault.js';
import type { Answer } from './load/http.js';
import { isServed, recoveryOf } from './load/recovery.js';
import { QUERY_TIMEOUT, type World } from './world.js';

/** A row of the table. */
export interface Row {
  readonly name: string;
  readonly title: string;
  readonly requests: number;
  /** How often a request was refused or not answered, by status or code. */
  readonly errors: Readonly<Record<string, number>>;
  /** In milliseconds. */
  readonly longest: number;
  /** From the fault's end until every request that began was served, in milliseconds. */
  readonly recovery: number;
  readonly backends: number;
  readonly acknowledged: number;
  readonly lost: number;
  readonly revived: number;
  /** Promises that were not kept, each in a sentence. */
  readonly broken: readonly string[];
  /** Why it was not run; `null` where it was. */
  readonly skipped: string | null;
}

/** The longest that a request may take: two store operations, and what the rest of it takes. In milliseconds. */
const LONGEST = 2 * QUERY_TIMEOUT + 200;
const LONGEST_RECOVERY = 1_000;
const LONGEST_HEALTH = 1_000;

/**
 * Holds what happened against what is promised.
 *
 * @param slack how much longer everything may take, in milliseconds
 */
export function judge(fault: Fault, world: World, slack: number): Row {
  const { answers, ledger, unread } = world.load;
  const { application, second, health, backends, endedAt } = world;
  const pause = (fault.pause ?? 0) + slack;
  const longest = Math.max(0, ...answers.map(({ begin, end }) => end - begin));
  const recovery = recoveryOf(answers, endedAt);
  const errors: Record<string, number> = {};
  for (const answer of answers) {
    if (isServed(answer)) continue;
    const kind = kindOf(answer);
    errors[kind] = (errors[kind] ?? 0) + 1;
  }
  const broken = [...application.wrongs, ...(second === application ? [] : second.wrongs)];
  const demand = (isKept: boolean, story: string): void => void (isKept || broken.push(story));
  demand(longest <= LONGEST + pause, `an answer took ${ms(longest)}, more than ${ms(LONGEST + pause)}`);
  demand(
    recovery <= LONGEST_RECOVERY + slack,
    `recovery took ${ms(recovery)}, more than ${ms(LONGEST_RECOVERY + slack)}`,
  );
  demand(health.failures === 0, `/health failed ${health.failures} times`);
  demand(health.longest <= LONGEST_HEALTH + pause, `/health took ${ms(health.longest)}`);
  demand(
    backends.most <= world.backendsAllowed,
    `there were ${backends.most} backends, more than ${world.backendsAllowed}`,
  );
  demand(unread === 0, `${unread} sessions could not be read at the end`);
  demand(ledger.acknowledged > 0, 'nothing was acknowledged at all');
  const unexpected = Object.keys(errors).filter((kind) => /^\d/.test(kind) && kind !== '503');
  const [failure = ''] = application.failures;
  demand(unexpected.length === 0, `requests were answered ${unexpected.join(', ')}: ${failure}`);
  if (ledger.lost + ledger.revived > 0) broken.push(...ledger.stories);
  return {
    name: fault.name,
    title: fault.title,
    requests: answers.length,
    errors,
    longest,
    recovery,
    backends: backends.most,
    acknowledged: ledger.acknowledged,
    lost: ledger.lost,
    revived: ledger.revived,
    broken,
    skipped: null,
  };
}

/** A row of a fault that could not be had, or that failed itself. */
export function emptyRow({ name, title }: Fault, skipped: string | null, broken: readonly string[]): Row {
  const none = { requests: 0, errors: {}, longest: 0, recovery: 0, backends: 0, acknowledged: 0, lost: 0, revived: 0 };
  return { name, title, ...none, broken, skipped };
}

function kindOf({ status, error }: Answer): string {
  return status === 0 ? (error ?? 'none') : String(status);
}

function ms(duration: number): string {
  return `${Math.round(duration)} ms`;
}
