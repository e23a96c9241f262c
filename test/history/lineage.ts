import type { Document, History, Span, Visit, Violation } from './history.js';
import { type Death, deathsOf } from './deaths.js';

/** A session between two logins: what was loaded under one cannot be stored under the next. */
export interface Epoch {
  readonly user: string | null;
  /** Whether it began without the data of the epoch before. */
  readonly isFlushed: boolean;
  /** The birth or the login. */
  readonly start: Visit;
}

/** Of one session, all that the history tells. */
export interface Life {
  readonly id: string;
  readonly epochs: Epoch[];
  readonly deaths: Death[];
  /** The data that it was begun with, where a login took it along. */
  readonly base: Document;
  /** The sessions whose data it took along, its own included. */
  readonly ancestors: ReadonlySet<string>;
  /** New secrets, by the cookie that was replaced. */
  readonly rotations: { readonly from: number; readonly visit: Visit; readonly to: number | null }[];
  /** Whether it was stored, as far as anybody was told. */
  isBorn: boolean;
  /** Whether something that was never answered may have changed more than its data. */
  isUncertain: boolean;
  readonly isBuried: boolean;
}

/** A cookie's place in the life of its session. */
export interface CookiePlace {
  readonly life: Life;
  readonly epoch: number;
  readonly issuer: Visit | null;
}

/** What a request turned out to be. */
export interface Place {
  /** That of the cookie sent, if it is one of ours. */
  readonly cookie: CookiePlace | null;
  /** The session it ran in until a login, logout or destroy, and the one after. */
  readonly life: Life | null;
  readonly epoch: number;
  readonly isRecognised: boolean;
  readonly lifeAfter: Life | null;
  readonly epochAfter: number;
}

export interface Lineage {
  readonly lives: ReadonlyMap<string, Life>;
  readonly places: ReadonlyMap<Visit, Place>;
  readonly cookies: readonly (CookiePlace | undefined)[];
  readonly violations: readonly Violation[];
}

/** Follows ids and cookies through a history: which session, and which epoch of it, every request worked on. */
export function lineageOf(history: History): Lineage {
  return new Follower(history).follow();
}

class Follower {
  readonly #history: History;
  readonly #lives = new Map<string, Life>();
  readonly #places = new Map<Visit, Place>();
  readonly #cookies: (CookiePlace | undefined)[] = [];
  readonly #violations: Violation[] = [];

  constructor(history: History) {
    this.#history = history;
  }

  follow(): Lineage {
    const { cookies, visits } = this.#history;
    for (const [index, { id, isBuried }] of cookies.entries()) {
      if (!isBuried) continue;
      const life = this.#lives.get(id) ?? this.#live(id, [], {}, new Set([id]), true);
      this.#cookies[index] = { life, epoch: 0, issuer: null };
    }
    // Whoever sends a cookie began after the answer that set it, so its issuer comes first in this order.
    for (const visit of visits.toSorted((one, other) => one.begin - other.begin)) this.#place(visit);
    for (const life of this.#lives.values()) life.deaths.push(...deathsOf(life, this.#history, this.#places));
    return {
      lives: this.#lives,
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
      cookie.life.isUncertain = true;
    }
    if (trace === null) {
      const epoch = cookie?.epoch ?? 0;
      const life = cookie?.life ?? null;
      const isRecognised = false;
      this.#places.set(visit, { cookie, life, epoch, isRecognised, lifeAfter: null, epochAfter: 0 });
      return;
    }
    const isRecognised = !trace.isNew;
    if (isRecognised && cookie?.life.id !== trace.id) {
      this.#report('foreign data', `a request reached session ${trace.id}, which its cookie does not name`, visit);
    }
    // A new visitor's session is born with the login.
    const user = trace.isNew && trace.after?.id === trace.id ? trace.after.user : trace.user;
    const life =
      this.#lives.get(trace.id) ??
      this.#live(trace.id, [{ user, isFlushed: false, start: visit }], {}, new Set([trace.id]));
    const epoch = isRecognised && cookie?.life === life ? cookie.epoch : 0;
    if (isRecognised && life.epochs[epoch] !== undefined && life.epochs[epoch].user !== trace.user) {
      this.#report(
        'foreign data',
        `a request runs for ${trace.user}, whose cookie is of ${life.epochs[epoch].user}`,
        visit,
      );
    }
    const [lifeAfter, epochAfter] = this.#after(visit, life, epoch, isRecognised);
    this.#places.set(visit, { cookie, life, epoch, isRecognised, lifeAfter, epochAfter });
    this.#noteBirths(visit, life, lifeAfter);
    this.#noteCookie(visit, lifeAfter ?? life, lifeAfter === null ? epoch : epochAfter, isRecognised);
  }

  #after(visit: Visit, life: Life, epoch: number, isRecognised: boolean): [Life | null, number] {
    const { after, base, isNew, user: before } = visit.trace ?? {};
    if (!after) return [null, 0];
    const { id, user } = after;
    const start = { user, isFlushed: false, start: visit };
    if (id !== life.id) {
      const ancestors = new Set([id, ...(base ? life.ancestors : [])]);
      return [this.#lives.get(id) ?? this.#live(id, [start], base ?? {}, ancestors), 0];
    }
    if (isNew === true || !isRecognised) return [life, 0];
    const next = epoch + 1;
    const other = life.epochs[next]?.start;
    if (other !== undefined) {
      this.#report('refused change', `two requests of one generation logged in to session ${id}`, other, visit);
    } else {
      life.epochs[next] = { ...start, isFlushed: before !== null && before !== user };
    }
    return [life, next];
  }

  #noteBirths(visit: Visit, life: Life, lifeAfter: Life | null): void {
    const { trace, issued } = visit;
    const from = trace?.after?.from ?? Infinity;
    for (const [index, { fate }] of trace?.steps.entries() ?? []) {
      if ((fate !== 'committed' && fate !== 'merged') || !STORES.has(visit.operations[index]?.kind ?? '')) continue;
      if (index < from) life.isBorn = true;
      else if (lifeAfter) lifeAfter.isBorn = true;
    }
    if (trace?.after && visit.operations[trace.after.from - 1]?.kind === 'login' && lifeAfter) lifeAfter.isBorn = true;
    if (trace && !trace.isNew) life.isBorn = true;
    if (issued !== null) (lifeAfter ?? life).isBorn = true;
  }

  #noteCookie(visit: Visit, life: Life, epoch: number, isRecognised: boolean): void {
    const rotated = visit.operations.findIndex(({ kind }) => kind === 'regenerate');
    const isRotation = isRecognised && rotated >= 0 && visit.trace?.steps[rotated] !== undefined;
    if (isRotation && visit.cookie !== null && (visit.issued !== null || visit.status !== 200)) {
      life.rotations.push({ from: visit.cookie, visit, to: visit.issued });
    }
    if (visit.issued === null) return;
    this.#cookies[visit.issued] = { life, epoch, issuer: visit };
    if (this.#history.cookies[visit.issued]?.id !== life.id) {
      this.#report('credential', `an answer sets a cookie that names another session than ${life.id}`, visit);
    }
    if (isRecognised && !isRotation && visit.trace?.after === null) {
      this.#report('credential', 'an answer sets a cookie without a reason', visit);
    }
  }

  #live(id: string, epochs: Epoch[], base: Document, ancestors: ReadonlySet<string>, isBuried = false): Life {
    const life: Life = {
      id,
      epochs,
      deaths: [],
      base,
      ancestors,
      rotations: [],
      isBorn: false,
      isUncertain: false,
      isBuried,
    };
    this.#lives.set(id, life);
    return life;
  }

  #report(rule: Violation['rule'], message: string, ...visits: Visit[]): void {
    this.#violations.push({ rule, message, visits });
  }
}

/** What is there for sure once it is stored, and so makes a row. */
export const STORES: ReadonlySet<string> = new Set(['set', 'mutate', 'increment', 'update', 'push']);
const CREDENTIAL: ReadonlySet<string> = new Set(['login', 'logout', 'destroy', 'regenerate']);

/** Whether one was answered before the other was asked. */
export function precedes(one: Span, other: Span): boolean {
  return one.end < other.begin;
}
