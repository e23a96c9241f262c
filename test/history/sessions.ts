import type { Document, History, Interval, Visit, Violation } from './history.js';
import { type SessionEnd, endsOf } from './session-ends.js';

/** A session between two logins: what was loaded under one cannot be stored under the next. */
export interface Epoch {
  readonly user: string | null;
  /** Whether it began without the data of the epoch before. */
  readonly isFlushed: boolean;
  /** The birth or the login. */
  readonly start: Visit;
}

/** Of one session, all that the history tells. */
export interface SessionHistory {
  readonly id: string;
  readonly epochs: Epoch[];
  readonly ends: SessionEnd[];
  /** The data that it was begun with, where a login took it along. */
  readonly base: Document;
  /** The sessions whose data it took along, its own included. */
  readonly ancestors: ReadonlySet<string>;
  /** New secrets, by the cookie that was replaced. */
  readonly rotations: { readonly from: number; readonly visit: Visit; readonly to: number | null }[];
  /** Whether it was stored, as far as an answer told. */
  isStored: boolean;
  /** Whether something that was never answered may have changed more than its data. */
  isIndeterminate: boolean;
  readonly isFromEarlierEpisode: boolean;
}

/** A cookie's place in the life of its session. */
export interface CookiePlace {
  readonly session: SessionHistory;
  readonly epoch: number;
  readonly issuer: Visit | null;
}

/** What a request turned out to be. */
export interface Place {
  /** That of the cookie sent, if it is one of ours. */
  readonly cookie: CookiePlace | null;
  /** The session it ran in until a login, logout or destroy, and the one after. */
  readonly session: SessionHistory | null;
  readonly epoch: number;
  readonly isRecognised: boolean;
  readonly sessionAfter: SessionHistory | null;
  readonly epochAfter: number;
}

export interface Sessions {
  readonly byId: ReadonlyMap<string, SessionHistory>;
  readonly places: ReadonlyMap<Visit, Place>;
  readonly cookies: readonly (CookiePlace | undefined)[];
  readonly violations: readonly Violation[];
}

/** Follows ids and cookies through a history: which session, and which epoch of it, every request worked on. */
export function followSessions(history: History): Sessions {
  return new SessionFollower(history).follow();
}

class SessionFollower {
  readonly #history: History;
  readonly #byId = new Map<string, SessionHistory>();
  readonly #places = new Map<Visit, Place>();
  readonly #cookies: (CookiePlace | undefined)[] = [];
  readonly #violations: Violation[] = [];

  constructor(history: History) {
    this.#history = history;
  }

  follow(): Sessions {
    const { cookies, visits } = this.#history;
    for (const [index, { id, isFromEarlierEpisode }] of cookies.entries()) {
      if (!isFromEarlierEpisode) continue;
      const session = this.#byId.get(id) ?? this.#live(id, [], {}, new Set([id]), true);
      this.#cookies[index] = { session, epoch: 0, issuer: null };
    }
    // Whoever sends a cookie began after the answer that set it, so its issuer comes first in this order.
    for (const visit of visits.toSorted((one, other) => one.begin - other.begin)) this.#place(visit);
    for (const session of this.#byId.values()) session.ends.push(...endsOf(session, this.#history, this.#places));
    return {
      byId: this.#byId,
      places: this.#places,
      cookies: this.#cookies,
      violations: this.#violations,
    };
  }

  #place(visit: Visit): void {
    const { trace } = visit;
    const cookie = visit.cookie === null ? null : (this.#cookies[visit.cookie] ?? null);
    const isAmbiguous = trace === null || (visit.status !== 200 && visit.status !== 401);
    if (isAmbiguous && cookie !== null && visit.operations.some(({ kind }) => CREDENTIAL.has(kind))) {
      cookie.session.isIndeterminate = true;
    }
    if (trace === null) {
      const epoch = cookie?.epoch ?? 0;
      const session = cookie?.session ?? null;
      const isRecognised = false;
      this.#places.set(visit, { cookie, session, epoch, isRecognised, sessionAfter: null, epochAfter: 0 });
      return;
    }
    const isRecognised = !trace.isNew;
    if (isRecognised && cookie?.session.id !== trace.id) {
      this.#report('foreign data', `a request reached session ${trace.id}, which its cookie does not name`, visit);
    }
    // A new visitor's session is born with the login.
    const user = trace.isNew && trace.after?.id === trace.id ? trace.after.user : trace.user;
    const session =
      this.#byId.get(trace.id) ??
      this.#live(trace.id, [{ user, isFlushed: false, start: visit }], {}, new Set([trace.id]));
    const epoch = isRecognised && cookie?.session === session ? cookie.epoch : 0;
    if (isRecognised && session.epochs[epoch] !== undefined && session.epochs[epoch].user !== trace.user) {
      this.#report(
        'foreign data',
        `a request runs for ${trace.user}, whose cookie is of ${session.epochs[epoch].user}`,
        visit,
      );
    }
    const [sessionAfter, epochAfter] = this.#after(visit, session, epoch, isRecognised);
    this.#places.set(visit, { cookie, session, epoch, isRecognised, sessionAfter, epochAfter });
    this.#noteBirths(visit, session, sessionAfter);
    this.#noteCookie(visit, sessionAfter ?? session, sessionAfter === null ? epoch : epochAfter, isRecognised);
  }

  #after(visit: Visit, session: SessionHistory, epoch: number, isRecognised: boolean): [SessionHistory | null, number] {
    const { after, base, isNew, user: before } = visit.trace ?? {};
    if (!after) return [null, 0];
    const { id, user } = after;
    const start = { user, isFlushed: false, start: visit };
    if (id !== session.id) {
      const ancestors = new Set([id, ...(base ? session.ancestors : [])]);
      return [this.#byId.get(id) ?? this.#live(id, [start], base ?? {}, ancestors), 0];
    }
    if (isNew === true || !isRecognised) return [session, 0];
    const next = epoch + 1;
    const other = session.epochs[next]?.start;
    if (other !== undefined) {
      this.#report('refused change', `two requests of one generation logged in to session ${id}`, other, visit);
    } else {
      session.epochs[next] = { ...start, isFlushed: before !== null && before !== user };
    }
    return [session, next];
  }

  #noteBirths(visit: Visit, session: SessionHistory, sessionAfter: SessionHistory | null): void {
    const { trace, issued } = visit;
    const from = trace?.after?.from ?? Infinity;
    for (const [index, { fate }] of trace?.steps.entries() ?? []) {
      if ((fate !== 'committed' && fate !== 'merged') || !STORES.has(visit.operations[index]?.kind ?? '')) continue;
      if (index < from) session.isStored = true;
      else if (sessionAfter) sessionAfter.isStored = true;
    }
    if (trace?.after && visit.operations[trace.after.from - 1]?.kind === 'login' && sessionAfter)
      sessionAfter.isStored = true;
    if (trace && !trace.isNew) session.isStored = true;
    if (issued !== null) (sessionAfter ?? session).isStored = true;
  }

  #noteCookie(visit: Visit, session: SessionHistory, epoch: number, isRecognised: boolean): void {
    const rotated = visit.operations.findIndex(({ kind }) => kind === 'regenerate');
    const isRotation = isRecognised && rotated >= 0 && visit.trace?.steps[rotated] !== undefined;
    if (isRotation && visit.cookie !== null && (visit.issued !== null || visit.status !== 200)) {
      session.rotations.push({ from: visit.cookie, visit, to: visit.issued });
    }
    if (visit.issued === null) return;
    this.#cookies[visit.issued] = { session, epoch, issuer: visit };
    if (this.#history.cookies[visit.issued]?.id !== session.id) {
      this.#report('credential', `an answer sets a cookie that names another session than ${session.id}`, visit);
    }
    if (isRecognised && !isRotation && visit.trace?.after === null) {
      this.#report('credential', 'an answer sets a cookie without a reason', visit);
    }
  }

  #live(
    id: string,
    epochs: Epoch[],
    base: Document,
    ancestors: ReadonlySet<string>,
    isFromEarlierEpisode = false,
  ): SessionHistory {
    const session: SessionHistory = {
      id,
      epochs,
      ends: [],
      base,
      ancestors,
      rotations: [],
      isStored: false,
      isIndeterminate: false,
      isFromEarlierEpisode,
    };
    this.#byId.set(id, session);
    return session;
  }

  #report(rule: Violation['rule'], message: string, ...visits: Visit[]): void {
    this.#violations.push({ rule, message, visits });
  }
}

/** What is there for sure once it is stored, and so makes a row. */
export const STORES: ReadonlySet<string> = new Set(['set', 'mutate', 'increment', 'update', 'push']);
const CREDENTIAL: ReadonlySet<string> = new Set(['login', 'logout', 'destroy', 'regenerate']);

/** Whether one was answered before the other was asked. */
export function precedes(one: Interval, other: Interval): boolean {
  return one.end < other.begin;
}
