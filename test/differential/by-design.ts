/** A difference from express-session that is wanted. */
interface Difference {
  readonly what: string;
  /** Where that is decided. */
  readonly decision: string;
}

const DECIDED = 'docs/decisions/0013-the-view-of-express-session.md';

const MIGRATING = 'docs/migrating-from-express-session.md, What behaves differently';
const PASSPORT = 'docs/passport.md, What request.session is';

/**
 * All differences that are wanted. The checker generates nothing that meets them, does to express-session what makes it
 * behave so, or leaves them out of the comparison; wherever it does, it says {@link met}.
 */
export const BY_DESIGN = {
  cookieAmongKeys: {
    what: 'express-session has `cookie` among the keys and in the JSON of a session; here both are data only.',
    decision: PASSPORT,
  },
  emptyAfterDestroy: {
    what: 'After destroy(), express-session leaves no `request.session`; here it is empty, and a write begins a new session.',
    decision: PASSPORT,
  },
  serverErrorDiscards: {
    what: 'Changes of a request that is answered 500 or above are dropped; express-session stores them.',
    decision: `${MIGRATING}: an answer means that it is stored; guarantees 3`,
  },
  emptyFlash: {
    what: 'The empty object that connect-flash leaves in a session when it is asked for messages is not stored.',
    decision: PASSPORT,
  },
  emptyRegenerated: {
    what: 'A session that is empty after regenerate() ends with the response; express-session stores it, with a cookie.',
    decision: 'docs/passport.md: req.logout() ends the session',
  },
  savedThenEmptied: {
    what:
      'A session that is saved and emptied again in its first request is there; express-session stores it, too, but ' +
      'sends no cookie for it.',
    decision: DECIDED,
  },
  keepsNoCookie: {
    what:
      'With keepSessionInfo Passport takes along the data, and not what was said of the lifetime; with express-session ' +
      'it takes `cookie` as well, a key like any other there.',
    decision: DECIDED,
  },
  lifetimeAlone: {
    what:
      'A lifetime that is set after the session was saved in the request that began it is stored; express-session stores ' +
      'it only along with data.',
    decision: 'docs/guarantees.md, 11. Data stays what it was',
  },
  keptByCopy: {
    what:
      'What keepSessionInfo takes along is a copy; in express-session the old session and the new one share the objects ' +
      'in them.',
    decision: DECIDED,
  },
  unsetEnds: {
    what: '`request.session = null` ends the session, at once; express-session does so when it has the option `unset: "destroy"`, with the response.',
    decision: MIGRATING,
  },
  duringRegenerate: {
    what:
      'What a handler does between the call of regenerate(), logIn() or logOut() and its callback belongs to the new ' +
      'session; express-session does it to the old one, and may bring that back to life.',
    decision: 'docs/guarantees.md, 2. No resurrection',
  },
  duringReload: {
    what: 'What a handler writes between the call of reload() and its callback is lost in express-session.',
    decision: DECIDED,
  },
  reloadOfNothing: {
    what: 'reload() of a session that was never stored succeeds, and leaves it empty; express-session fails.',
    decision: DECIDED,
  },
  backAfterReload: {
    what:
      'What is reloaded and then made again what it was when the request came is a change; express-session takes it for ' +
      'none, and loses it.',
    decision: 'docs/guarantees.md, 11. Data stays what it was',
  },
  duringSave: {
    what:
      'A save() takes along what a handler writes before it begins, if it is not waited for; express-session takes the ' +
      'session as it is at the call. Seen only where the handler then drops what it wrote, or takes it out again: by reload(), ' +
      'a 500, or delete.',
    decision: DECIDED,
  },
  reloadedInPlace: {
    what: 'The object that was `request.session` before reload() is that after it; in express-session it is left as it was.',
    decision: DECIDED,
  },
  heldOverReload: {
    what: 'An object that a handler put into the session is part of it after reload() where it says what is stored; in express-session it is cut off.',
    decision: DECIDED,
  },
  parallelWriters: {
    what: 'Parallel requests merge; in express-session the last one writes the whole session, or its lifetime.',
    decision: `${MIGRATING}: parallel requests merge`,
  },
  endedMeanwhile: {
    what: 'A change to a session that has ended meanwhile is refused (401); express-session writes the session back.',
    decision: `${MIGRATING}: a session that was ended stays ended`,
  },
  orderOfKeys: {
    what: 'Keys come back in the order of PostgreSQL’s jsonb, not in that in which they were set.',
    decision: 'docs/guarantees.md, 11. Data stays what it was',
  },
} as const satisfies Record<string, Difference>;

export type DifferenceName = keyof typeof BY_DESIGN;

const counts = new Map<DifferenceName, number>();

/** Counts that a difference was met, and avoided or evened out. */
export function met(name: DifferenceName): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

export function timesMet(name: DifferenceName): number {
  return counts.get(name) ?? 0;
}
