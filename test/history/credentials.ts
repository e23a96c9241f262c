import { hasReached } from './effects.js';
import type { Analysis } from './analysis.js';
import type { Interval, Visit } from './history.js';
import { type CookiePlace, type SessionHistory, precedes, STORES } from './sessions.js';

/** Who is recognised as what: a dead session never again, a live one always; and why a request was refused. */
export function checkCredentials(analysis: Analysis): void {
  for (const visit of analysis.history.visits) {
    if (visit.trace !== null) checkRecognition(analysis, visit);
    if (visit.status === 401) checkRefusal(analysis, visit);
    checkAnswer(analysis, visit);
  }
  for (const session of analysis.sessions.byId.values()) {
    checkRotations(analysis, session);
    checkEnds(analysis, session);
  }
  checkRevocations(analysis);
}

function checkRecognition(analysis: Analysis, visit: Visit): void {
  const place = analysis.sessions.places.get(visit);
  const cookie = place?.cookie;
  if (!place || !cookie || visit.cookie === null) return;
  const { session, epoch } = cookie;
  const ended = session.ends.find((one) => one.isSure && isKnown(analysis, one, visit));
  const login = session.epochs[epoch + 1]?.start;
  const { certain, possible } = rotationsAfter(analysis, cookie, visit);
  if (place.isRecognised) {
    if (session.isFromEarlierEpisode || ended !== undefined) {
      analysis.report(
        'dead session',
        `session ${session.id} was recognised after its end`,
        ended?.visit ?? null,
        visit,
      );
    }
    if (login !== undefined && isKnown(analysis, login, visit)) {
      analysis.report(
        'credential',
        `a cookie of session ${session.id} was good after the login that replaced it`,
        login,
        visit,
      );
    }
    if (certain > 1) {
      analysis.report('credential', `a cookie of session ${session.id} was good after two new ones`, visit);
    }
  } else {
    const mayHaveEnded =
      session.isFromEarlierEpisode || session.isIndeterminate || session.ends.some(({ begin }) => begin < visit.end);
    const mayBeReplaced = (login !== undefined && login.begin < visit.end) || possible > 1;
    if (mayHaveEnded || mayBeReplaced) return;
    analysis.report(
      'lost change',
      `session ${session.id} was not recognised, though nothing had ended it`,
      cookie.issuer,
      visit,
    );
  }
}

/** How many new secrets its session got after a cookie was issued, by the time of a request: for sure, and perhaps. */
function rotationsAfter(
  analysis: Analysis,
  { session, epoch }: CookiePlace,
  visit: Visit,
): { certain: number; possible: number } {
  const successors = new Map(session.rotations.map(({ from, to, visit: by }) => [from, { to, by }]));
  let certain = 0;
  let possible = 0;
  // Along the chain of cookies from the one sent.
  let next = successors.get(visit.cookie as number);
  while (next !== undefined) {
    if (next.by.begin < visit.end && next.by !== visit) possible += 1;
    if (next.to !== null && isKnown(analysis, next.by, visit)) certain += 1;
    next = next.to === null ? undefined : successors.get(next.to);
  }
  // One whose cookie was lost may stand anywhere in the chain.
  const lost = session.rotations.filter(({ to, visit: by }) => to === null && by.begin < visit.end);
  if (lost.some(({ from }) => analysis.sessions.cookies[from]?.epoch === epoch)) possible += 2;
  return { certain, possible };
}

/** Whether something came about before a request that must have known of it. */
function isKnown({ history }: Analysis, one: Interval & { readonly process: number }, visit: Visit): boolean {
  return precedes(one, visit) && hasReached(history, one, visit);
}

function checkRefusal(analysis: Analysis, visit: Visit): void {
  const place = analysis.sessions.places.get(visit);
  if (!place) return;
  const isBetween = (one: Interval & { readonly process: number }): boolean =>
    one.begin < visit.end && !isKnown(analysis, one, visit);
  const isMeanwhileDead = ({ ends }: SessionHistory): boolean =>
    ends.some((ended) => ended.visit !== visit && isBetween(ended));
  const replaced = (session: SessionHistory, epoch: number): boolean => {
    const login = session.epochs[epoch + 1]?.start;
    return login !== undefined && login !== visit && isBetween(login);
  };
  const { session, sessionAfter, epoch, epochAfter, cookie } = place;
  if (session === null || [session, sessionAfter].some((one) => one?.isIndeterminate)) return;
  if (isMeanwhileDead(session) || replaced(session, epoch)) return;
  if (sessionAfter !== null && (isMeanwhileDead(sessionAfter) || replaced(sessionAfter, epochAfter))) return;
  // A cookie that a login has replaced begins no session.
  const login = cookie === null ? undefined : cookie.session.epochs[cookie.epoch + 1]?.start;
  if (!place.isRecognised && login !== undefined && login.begin < visit.end) return;
  if (!place.isRecognised && cookie?.session.isIndeterminate === true) return;
  analysis.report('answer', `a request was refused without a cause in session ${session.id}`, visit);
}

function checkAnswer(analysis: Analysis, visit: Visit): void {
  const { status, operations, trace, issued, removed, error } = visit;
  const isKnown = status === 200 || status === 401 || status === 503 || status === 0;
  if (!isKnown) analysis.report('answer', `a request was answered ${status}: ${String(error)}`, visit);
  if (status === 200 && trace?.steps.length !== operations.length) {
    analysis.report('answer', 'a request was answered before all was done', visit);
  }
  if (removed && trace?.after === null)
    analysis.report('credential', 'an answer removes a cookie without a reason', visit);
  if (status === 401 && (issued !== null || removed)) {
    analysis.report('credential', 'a refused request changes the cookie', visit);
  }
  if (status !== 200 || issued !== null || trace === null) return;
  const from = trace.after?.from ?? 0;
  const beginsAnew = trace.isNew || (trace.after !== null && trace.after.id !== trace.id);
  const kinds = operations.slice(from).map(({ kind }) => kind);
  const stores = kinds.some((kind) => STORES.has(kind) || (kind === 'flash' && !kinds.includes('flashes')));
  if (beginsAnew && stores)
    analysis.report('lost change', 'a new session was written to, and no cookie was set', visit);
}

function checkRotations(analysis: Analysis, session: SessionHistory): void {
  const rotated = session.rotations.filter(({ to }) => to !== null);
  for (const [from, several] of Map.groupBy(rotated, (rotation) => rotation.from)) {
    if (several.length < 2) continue;
    const visits = several.map(({ visit }) => visit);
    analysis.report('credential', `cookie ${from} of session ${session.id} was replaced more than once`, ...visits);
  }
}

/** Whoever loaded a session before a login cannot end it after: the login found it alive. */
function checkEnds(analysis: Analysis, session: SessionHistory): void {
  for (const { isSure, visit } of session.ends) {
    const place = visit === null ? undefined : analysis.sessions.places.get(visit);
    if (!isSure || visit === null || place === undefined) continue;
    // Without a removed cookie it may only have found out that another request had ended it.
    const isElse = session.ends.some((other) => other.visit !== visit && other.begin < visit.end);
    if (!visit.removed && isElse) continue;
    const login = session.epochs[place.epoch + 1]?.start ?? null;
    if (login === null) continue;
    analysis.report('refused change', `a logout of before ended session ${session.id} after a login`, login, visit);
  }
}

function checkRevocations(analysis: Analysis): void {
  for (const { request, begin, end, result, status } of analysis.history.revocations) {
    if (status !== 200) {
      if (status !== 503 && status !== 0) analysis.report('answer', `a revocation was answered ${status}`);
      continue;
    }
    if (request.kind !== 'revoke' || result !== false) continue;
    const session = analysis.sessions.byId.get(request.id);
    const birth = session?.epochs[0]?.start;
    if (session === undefined || birth === undefined || !session.isStored || birth.end >= begin) continue;
    if (session.isIndeterminate || session.ends.some((ended) => ended.begin < end)) continue;
    analysis.report(
      'lost change',
      `session ${session.id} was not there to be revoked, though nothing had ended it`,
      birth,
    );
  }
}
