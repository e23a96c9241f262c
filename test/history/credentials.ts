import { hasReached } from './effects.js';
import type { Facts } from './facts.js';
import type { Span, Visit } from './history.js';
import { type CookiePlace, type Life, precedes, STORES } from './lineage.js';

/** Who is recognised as what: a dead session never again, a live one always; and why a request was refused. */
export function checkCredentials(facts: Facts): void {
  for (const visit of facts.history.visits) {
    if (visit.trace !== null) checkRecognition(facts, visit);
    if (visit.status === 401) checkRefusal(facts, visit);
    checkAnswer(facts, visit);
  }
  for (const life of facts.lineage.lives.values()) {
    checkRotations(facts, life);
    checkDeaths(facts, life);
  }
  checkRevocations(facts);
}

function checkRecognition(facts: Facts, visit: Visit): void {
  const place = facts.lineage.places.get(visit);
  const cookie = place?.cookie;
  if (!place || !cookie || visit.cookie === null) return;
  const { life, epoch } = cookie;
  const death = life.deaths.find((one) => one.isSure && isKnown(facts, one, visit));
  const login = life.epochs[epoch + 1]?.start;
  const { certain, possible } = rotationsAfter(facts, cookie, visit);
  if (place.isRecognised) {
    if (life.isBuried || death !== undefined) {
      facts.report('dead session', `session ${life.id} was recognised after its end`, death?.visit ?? null, visit);
    }
    if (login !== undefined && isKnown(facts, login, visit)) {
      facts.report(
        'credential',
        `a cookie of session ${life.id} was good after the login that replaced it`,
        login,
        visit,
      );
    }
    if (certain > 1) {
      facts.report('credential', `a cookie of session ${life.id} was good after two new ones`, visit);
    }
  } else {
    const mayHaveEnded = life.isBuried || life.isUncertain || life.deaths.some(({ begin }) => begin < visit.end);
    const mayBeReplaced = (login !== undefined && login.begin < visit.end) || possible > 1;
    if (mayHaveEnded || mayBeReplaced) return;
    facts.report(
      'lost change',
      `session ${life.id} was not recognised, though nothing had ended it`,
      cookie.issuer,
      visit,
    );
  }
}

/** How many new secrets its session got after a cookie was issued, by the time of a request: for sure, and perhaps. */
function rotationsAfter(
  facts: Facts,
  { life, epoch }: CookiePlace,
  visit: Visit,
): { certain: number; possible: number } {
  const successors = new Map(life.rotations.map(({ from, to, visit: by }) => [from, { to, by }]));
  let certain = 0;
  let possible = 0;
  // Along the chain of cookies from the one sent.
  let next = successors.get(visit.cookie as number);
  while (next !== undefined) {
    if (next.by.begin < visit.end && next.by !== visit) possible += 1;
    if (next.to !== null && isKnown(facts, next.by, visit)) certain += 1;
    next = next.to === null ? undefined : successors.get(next.to);
  }
  // One whose cookie was lost may stand anywhere in the chain.
  const lost = life.rotations.filter(({ to, visit: by }) => to === null && by.begin < visit.end);
  if (lost.some(({ from }) => facts.lineage.cookies[from]?.epoch === epoch)) possible += 2;
  return { certain, possible };
}

/** Whether something came about before a request that must have known of it. */
function isKnown({ history }: Facts, one: Span & { readonly process: number }, visit: Visit): boolean {
  return precedes(one, visit) && hasReached(history, one, visit);
}

function checkRefusal(facts: Facts, visit: Visit): void {
  const place = facts.lineage.places.get(visit);
  if (!place) return;
  const isBetween = (one: Span & { readonly process: number }): boolean =>
    one.begin < visit.end && !isKnown(facts, one, visit);
  const isMeanwhileDead = ({ deaths }: Life): boolean =>
    deaths.some((death) => death.visit !== visit && isBetween(death));
  const replaced = (life: Life, epoch: number): boolean => {
    const login = life.epochs[epoch + 1]?.start;
    return login !== undefined && login !== visit && isBetween(login);
  };
  const { life, lifeAfter, epoch, epochAfter, cookie } = place;
  if (life === null || [life, lifeAfter].some((one) => one?.isUncertain)) return;
  if (isMeanwhileDead(life) || replaced(life, epoch)) return;
  if (lifeAfter !== null && (isMeanwhileDead(lifeAfter) || replaced(lifeAfter, epochAfter))) return;
  // A cookie that a login has replaced lets nobody begin a session.
  const login = cookie === null ? undefined : cookie.life.epochs[cookie.epoch + 1]?.start;
  if (!place.isRecognised && login !== undefined && login.begin < visit.end) return;
  if (!place.isRecognised && cookie?.life.isUncertain === true) return;
  facts.report('answer', `a request was refused without a cause in session ${life.id}`, visit);
}

function checkAnswer(facts: Facts, visit: Visit): void {
  const { status, operations, trace, issued, removed, error } = visit;
  const isKnown = status === 200 || status === 401 || status === 503 || status === 0;
  if (!isKnown) facts.report('answer', `a request was answered ${status}: ${String(error)}`, visit);
  if (status === 200 && trace?.steps.length !== operations.length) {
    facts.report('answer', 'a request was answered before all was done', visit);
  }
  if (removed && trace?.after === null)
    facts.report('credential', 'an answer removes a cookie without a reason', visit);
  if (status === 401 && (issued !== null || removed)) {
    facts.report('credential', 'a refused request changes the cookie', visit);
  }
  if (status !== 200 || issued !== null || trace === null) return;
  const from = trace.after?.from ?? 0;
  const beginsAnew = trace.isNew || (trace.after !== null && trace.after.id !== trace.id);
  const kinds = operations.slice(from).map(({ kind }) => kind);
  const stores = kinds.some((kind) => STORES.has(kind) || (kind === 'flash' && !kinds.includes('flashes')));
  if (beginsAnew && stores) facts.report('lost change', 'a new session was written to, and no cookie was set', visit);
}

function checkRotations(facts: Facts, life: Life): void {
  const rotated = life.rotations.filter(({ to }) => to !== null);
  for (const [from, several] of Map.groupBy(rotated, (rotation) => rotation.from)) {
    if (several.length < 2) continue;
    const visits = several.map(({ visit }) => visit);
    facts.report('credential', `cookie ${from} of session ${life.id} was replaced more than once`, ...visits);
  }
}

/** Whoever loaded a session before a login cannot end it after: the login found it alive. */
function checkDeaths(facts: Facts, life: Life): void {
  for (const { isSure, visit } of life.deaths) {
    const place = visit === null ? undefined : facts.lineage.places.get(visit);
    if (!isSure || visit === null || place === undefined) continue;
    // Without a removed cookie it may only have found out that somebody else had ended it.
    const isElse = life.deaths.some((other) => other.visit !== visit && other.begin < visit.end);
    if (!visit.removed && isElse) continue;
    const login = life.epochs[place.epoch + 1]?.start ?? null;
    if (login === null) continue;
    facts.report('refused change', `a logout of before ended session ${life.id} after a login`, login, visit);
  }
}

function checkRevocations(facts: Facts): void {
  for (const { request, begin, end, result, status } of facts.history.revocations) {
    if (status !== 200) {
      if (status !== 503 && status !== 0) facts.report('answer', `a revocation was answered ${status}`);
      continue;
    }
    if (request.kind !== 'revoke' || result !== false) continue;
    const life = facts.lineage.lives.get(request.id);
    const birth = life?.epochs[0]?.start;
    if (life === undefined || birth === undefined || !life.isBorn || birth.end >= begin) continue;
    if (life.isUncertain || life.deaths.some((death) => death.begin < end)) continue;
    facts.report('lost change', `session ${life.id} was not there to be revoked, though nothing had ended it`, birth);
  }
}
