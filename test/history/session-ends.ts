import type { History, Revocation, Interval, Visit } from './history.js';
import type { SessionHistory, Place } from './sessions.js';

/** What ended a session, or may have. */
export interface SessionEnd extends Interval {
  /** Whether it did for sure. */
  readonly isSure: boolean;
  readonly visit: Visit | null;
  readonly process: number;
}

/** All that ended a session, or may have. */
export function endsOf(session: SessionHistory, history: History, places: ReadonlyMap<Visit, Place>): SessionEnd[] {
  const ends: SessionEnd[] = [];
  for (const visit of history.visits) {
    if (places.get(visit)?.session !== session) continue;
    const isSure = endedBy(visit);
    if (isSure !== null)
      ends.push({ begin: visit.begin, end: isSure ? visit.end : Infinity, isSure, visit, process: visit.process });
  }
  for (const revocation of history.revocations) {
    const isSure = revokedBy(revocation, session);
    if (isSure === null) continue;
    const end = revocation.status === 200 ? revocation.end : Infinity;
    ends.push({ begin: revocation.begin, end, isSure, visit: null, process: revocation.process });
  }
  return ends;
}

/** Whether a request ended the session that it came to; `null`: it did not. */
function endedBy({ operations, trace, status, removed, issued }: Visit): boolean | null {
  const index = operations.findIndex(({ kind }) => kind === 'logout' || kind === 'destroy');
  if (index < 0) return null;
  if (trace === null) return false;
  if (trace.after === null) return trace.steps[index] !== undefined && status !== 401 ? false : null;
  // A logout that found the session ended, or logged in to anew, changes no cookie, and lets no new session begin.
  return removed || issued !== null || trace.isNew ? true : status >= 500 ? false : null;
}

function revokedBy({ request, status, result, begin, end }: Revocation, session: SessionHistory): boolean | null {
  if (request.kind === 'revoke') {
    if (request.id !== session.id) return null;
    return status === 200 ? (result === true ? true : null) : false;
  }
  if (request.except === session.id) return null;
  const { user } = request;
  let isTouched = false;
  for (const [index, epoch] of session.epochs.entries()) {
    if (epoch.user !== user) continue;
    const next = session.epochs[index + 1]?.start;
    const mayEndBefore = next !== undefined && next.begin < end;
    if (epoch.start.end < begin && !mayEndBefore) return status === 200;
    if (epoch.start.begin < end && !(next !== undefined && next.end < begin)) isTouched = true;
  }
  return isTouched ? false : null;
}
