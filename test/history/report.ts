import type { History, Rule, Violation, Visit } from './history.js';
import type { Operation } from './operations.js';

/** How many kinds of errors are printed. */
const MOST_ERRORS = 5;

/** Counts operations by what became of them, and prints what went wrong. */
export class Report {
  readonly #counts = new Map<string, Map<string, number>>();
  readonly #statuses = new Map<number, number>();
  readonly #errors = new Map<string, number>();
  operations = 0;
  requests = 0;
  episodes = 0;
  sessions = 0;
  readonly byRule = new Map<Rule, number>();

  add(history: History): void {
    this.episodes += 1;
    for (const { operations, trace, status, error } of history.visits) {
      this.requests += 1;
      if (status !== 200 && status !== 401) {
        const what = `${status} ${String(error)}`;
        this.#errors.set(what, (this.#errors.get(what) ?? 0) + 1);
      }
      this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1);
      for (const [index, { kind }] of operations.entries()) {
        if (kind === 'pause') continue;
        const step = trace?.steps[index];
        const fate = trace !== null && step === undefined ? 'not reached' : (step?.fate ?? 'pending');
        this.#count(kind, outcomeOf(fate, status));
      }
    }
    for (const { request, status, result } of history.revocations) {
      this.requests += 1;
      this.#count(request.kind, status === 200 ? (result ? 'acknowledged' : 'nothing to end') : 'ambiguous');
    }
  }

  /** Returns how many of that rule there are now. */
  addViolation(rule: Rule): number {
    const count = (this.byRule.get(rule) ?? 0) + 1;
    this.byRule.set(rule, count);
    return count;
  }

  get violations(): number {
    return [...this.byRule.values()].reduce((sum, count) => sum + count, 0);
  }

  text(): string {
    const columns = ['acknowledged', 'refused', 'dropped', 'carried', 'not reached', 'nothing to end', 'ambiguous'];
    const line = (cells: readonly (string | number)[]): string =>
      cells.map((cell, index) => (index === 0 ? String(cell).padEnd(12) : String(cell).padStart(15))).join('');
    const rows = [...this.#counts]
      .toSorted(([one], [other]) => one.localeCompare(other))
      .map(([kind, counts]) => line([kind, ...columns.map((column) => counts.get(column) ?? 0)]));
    const errors = Array.from(this.#errors, ([what, count]) => `${count} times ${what}`).slice(0, MOST_ERRORS);
    const statuses = [...this.#statuses]
      .toSorted(([one], [other]) => one - other)
      .map(([status, count]) => `${status}: ${count}`);
    return [line(['operation', ...columns]), ...rows, `answers by status: ${statuses.join(', ')}`, ...errors].join(
      '\n',
    );
  }

  /** How many there were whose outcome is not known. */
  get ambiguous(): number {
    return [...this.#counts.values()].reduce((sum, counts) => sum + (counts.get('ambiguous') ?? 0), 0);
  }

  #count(kind: string, outcome: string): void {
    this.operations += 1;
    let counts = this.#counts.get(kind);
    if (counts === undefined) this.#counts.set(kind, (counts = new Map()));
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  }
}

function outcomeOf(fate: string, status: number): string {
  if (fate === 'committed' || fate === 'merged') return 'acknowledged';
  if (fate !== 'pending') return fate;
  return status === 200 ? 'acknowledged' : status === 401 ? 'refused' : 'ambiguous';
}

/** A violation, with the requests that show it and what happened to the same sessions meanwhile. */
export function excerpt({ rule, message, visits }: Violation, history: History): string {
  const shown = new Set(visits);
  const ids = new Set(visits.flatMap((visit) => idsOf(visit, history)));
  const from = Math.min(...visits.map(({ begin }) => begin));
  const to = Math.max(...visits.map(({ end }) => end));
  const near = history.visits
    .filter((visit) => visit.begin <= to && visit.end >= from && idsOf(visit, history).some((id) => ids.has(id)))
    .toSorted((one, other) => one.begin - other.begin);
  const lines =
    near.length > 30
      ? near.filter((visit, index) => shown.has(visit) || index < 12 || index >= near.length - 12)
      : near;
  return [
    `VIOLATION (${rule}): ${message}`,
    ...lines.map((visit) => `  ${shown.has(visit) ? '>' : ' '} ${describe(visit)}`),
    ...(lines.length < near.length ? [`    (${near.length - lines.length} more meanwhile)`] : []),
  ].join('\n');
}

function idsOf({ trace, cookie }: Visit, { cookies }: History): string[] {
  const sent = cookie === null ? undefined : cookies[cookie]?.id;
  return [trace?.id, trace?.after?.id, sent].filter((id) => id !== undefined);
}

function describe({
  begin,
  end,
  client,
  process,
  cookie,
  operations,
  trace,
  status,
  issued,
  removed,
  error,
}: Visit): string {
  const sent = cookie === null ? 'no cookie' : `cookie ${cookie}`;
  const user = trace === null || trace.user === null ? '' : ` of ${trace.user}`;
  const id = trace === null ? '' : ` ${trace.isNew ? 'new ' : ''}${trace.id.slice(-12)}${user}`;
  const after = trace?.after ? ` then ${trace.after.id.slice(-12)}` : '';
  const steps = operations.map((operation, index) => {
    const step = trace?.steps[index];
    const fate = step === undefined ? '(not reached)' : step.fate === 'pending' ? '' : `(${step.fate})`;
    const result = step?.result === undefined ? '' : `=${JSON.stringify(step.result).slice(0, 160)}`;
    return `${nameOf(operation)}${fate}${result}`;
  });
  const change = removed ? ', cookie removed' : issued === null ? '' : `, sets cookie ${issued}`;
  const answer = `${status}${change}${error === null ? '' : ` ${error}`}`;
  return `[${begin}–${end}] client ${client} process ${process}, ${sent}:${id}${after} | ${steps.join('; ')} | ${answer}`;
}

function nameOf(operation: Operation): string {
  const { kind, ...rest } = operation;
  return [kind, ...Object.values(rest).map((value) => (Array.isArray(value) ? value.join('+') : String(value)))].join(
    ' ',
  );
}
