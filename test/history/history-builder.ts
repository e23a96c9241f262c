import type { Cookie, Document, Fate, History, Revocation, Row, Interval, Trace, Visit } from './history.js';
import type { Operation } from './operations.js';
import { tagOf } from './tag.js';

/** An operation of a told request: with what it gave and what became of it, where that matters. */
export interface OperationSpec {
  readonly do: Operation;
  readonly gives?: unknown;
  readonly fate?: Fate;
}

/** A request as it is told: what is left out is as ordinary as can be. */
export interface VisitSpec {
  readonly cookie?: number | null;
  readonly session?: string;
  readonly isNew?: boolean;
  readonly user?: string | null;
  readonly steps?: readonly OperationSpec[];
  readonly status?: number;
  readonly after?: Trace['after'];
  readonly base?: Document;
  /** The session of the cookie that it sets. */
  readonly issues?: string;
  readonly removes?: boolean;
  readonly process?: number;
}

export const SESSION = '01900000-0000-7000-8000-00000000000a';
export const OTHER = '01900000-0000-7000-8000-00000000000b';

/** Tells a small history by hand: one request after the other, or, within `meanwhile`, all at the same time. */
export class HistoryBuilder {
  readonly #visits: Visit[] = [];
  readonly #revocations: Revocation[] = [];
  readonly #cookies: Cookie[] = [];
  readonly #rows: Row[] = [];
  #barriers: Interval[] | null = null;
  #clock = 0;

  /** A visitor without a cookie begins a session, and gets cookie 0. */
  static begun(...steps: OperationSpec[]): HistoryBuilder {
    const first: OperationSpec = { do: { kind: 'set', key: 'r4', write: 1 } };
    return new HistoryBuilder().visit({ cookie: null, isNew: true, steps: [first, ...steps], issues: SESSION });
  }

  visit(told: VisitSpec): this {
    return this.concurrently(told);
  }

  concurrently(...several: readonly VisitSpec[]): this {
    const begins = several.map(() => ++this.#clock);
    for (const [index, told] of several.entries()) this.#tell(told, begins[index] as number);
    return this;
  }

  revoke(id: string, result = true, process = 0): this {
    const begin = ++this.#clock;
    const end = ++this.#clock;
    this.#revocations.push({ request: { kind: 'revoke', id }, process, begin, end, status: 200, result });
    return this;
  }

  /** From the first call on, processes keep copies; all have now heard of what has been. */
  barrier(): this {
    (this.#barriers ??= []).push({ begin: ++this.#clock, end: ++this.#clock });
    return this;
  }

  row(data: Document, row: Partial<Row> & { readonly cookie?: number } = {}): this {
    const { cookie = 0, ...rest } = row;
    const hash = this.#cookies[cookie]?.hash ?? 'unknown';
    this.#rows.push({ id: SESSION, user: null, generation: 0, hash, data, ...rest });
    return this;
  }

  get history(): History {
    return {
      visits: this.#visits,
      revocations: this.#revocations,
      cookies: this.#cookies,
      rows: this.#rows,
      barriers: this.#barriers,
    };
  }

  #tell(told: VisitSpec, begin: number): void {
    const { cookie = 0, session = SESSION, isNew = false, user = null, steps = [], status = 200 } = told;
    const { after = null, base = null, removes = false, process = 0 } = told;
    let issued: number | null = null;
    if (told.issues !== undefined) {
      issued =
        this.#cookies.push({ id: told.issues, hash: `hash ${this.#cookies.length}`, isFromEarlierEpisode: false }) - 1;
    }
    const done = steps.map(({ fate = 'pending', gives }) => ({ fate, result: gives }));
    this.#visits.push({
      client: 0,
      process,
      begin,
      end: ++this.#clock,
      cookie,
      operations: steps.map((step) => step.do),
      status,
      trace: { id: session, isNew, user, steps: done, after, base },
      issued,
      removed: removes,
      error: null,
    });
  }
}

/** The value that a write leaves. */
export function value(write: number, user: string | null = null, id = SESSION): string {
  return tagOf({ id, userId: user }, write);
}

export const set = (write: number, key = 'r0', fate: Fate = 'pending'): OperationSpec => ({
  do: { kind: 'set', key, write },
  fate,
});
export const unset = (key = 'r0', gives = true): OperationSpec => ({ do: { kind: 'unset', key }, gives });
export const read = (gives: Document): OperationSpec => ({ do: { kind: 'read' }, gives });
export const increment = (write: number, by: number): OperationSpec => ({ do: { kind: 'increment', by, write } });
export const update = (write: number, by: number, gives: number): OperationSpec => ({
  do: { kind: 'update', by, write },
  gives,
  fate: 'committed',
});
export const push = (...writes: number[]): OperationSpec => ({ do: { kind: 'push', writes } });
export const flash = (write: number): OperationSpec => ({ do: { kind: 'flash', category: 'info', write } });
export const flashes = (...gives: unknown[]): OperationSpec => ({ do: { kind: 'flashes', category: null }, gives });
export const login = (user: string): OperationSpec => ({ do: { kind: 'login', user }, fate: 'committed' });
export const regenerate: OperationSpec = { do: { kind: 'regenerate' } };
export const logout: OperationSpec = { do: { kind: 'logout' }, fate: 'committed' };
export const clear = (...gives: string[]): OperationSpec => ({ do: { kind: 'clear' }, gives });
