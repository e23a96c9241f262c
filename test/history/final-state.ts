import { waitingIn } from './flashes.js';
import type { Analysis } from './analysis.js';
import type { Document, Row, Visit } from './history.js';
import type { SessionHistory } from './sessions.js';
import { BOXES, REGISTERS } from './operations.js';
import { parseTag, shortId, type Tag } from './tag.js';

/** What is left when all clients have stopped: the rows that must be there, and no others, each with its one secret. */
export function checkRows(analysis: Analysis): void {
  const rows = new Map(analysis.history.rows.map((row) => [row.id, row]));
  for (const session of analysis.sessions.byId.values()) {
    const row = rows.get(session.id);
    const ended = session.ends.find(({ isSure }) => isSure);
    const mayBeDead = session.isFromEarlierEpisode || session.isIndeterminate || session.ends.length > 0;
    if (row === undefined) {
      if (session.isStored && !mayBeDead) {
        const born = session.epochs[0]?.start ?? null;
        analysis.report('lost change', `session ${session.id} is gone, though nothing had ended it`, born);
      }
    } else if (session.isFromEarlierEpisode || ended !== undefined) {
      const last = visitsOf(analysis, session).at(-1) ?? null;
      analysis.report('dead session', `session ${session.id} is back after its end`, ended?.visit ?? null, last);
    } else if (!session.isIndeterminate) {
      checkRow(analysis, session, row);
    }
  }
}

function visitsOf({ history, sessions }: Analysis, session: SessionHistory): Visit[] {
  return history.visits.filter((visit) => sessions.places.get(visit)?.session === session);
}

function checkRow(analysis: Analysis, session: SessionHistory, row: Row): void {
  if (isUnansweredBirth(session)) return;
  const last = session.epochs.at(-1);
  const generation = row.generation ?? session.epochs.length - 1;
  if (generation !== session.epochs.length - 1 || row.user !== last?.user) {
    const is = `of generation ${generation} and of ${String(row.user)}`;
    const be = `of ${session.epochs.length - 1} and of ${String(last?.user)}`;
    analysis.report('credential', `session ${session.id} is ${is}, but should be ${be}`, last?.start ?? null);
  }
  if (session.rotations.some(({ to }) => to === null)) return;
  const replaced = new Set(session.rotations.map(({ from }) => from));
  const live = analysis.history.cookies.filter(({ id, hash }) => id === row.id && hash === row.hash);
  const [cookie] = live;
  // One that no client got: its request was refused after all.
  const known = cookie === undefined ? -1 : analysis.history.cookies.indexOf(cookie);
  const place = analysis.sessions.cookies[known];
  if (live.length !== 1 || replaced.has(known) || place?.epoch !== session.epochs.length - 1) {
    analysis.report(
      'credential',
      `session ${session.id} does not have the secret that was issued last`,
      last?.start ?? null,
    );
  }
}

/** It may be there or not, and if it is, nobody has its secret. */
function isUnansweredBirth({ epochs, isStored }: SessionHistory): boolean {
  const status = epochs[0]?.start.status;
  return !isStored && status !== 200 && status !== 401;
}

/** No session shows what was written in another one, or for another user. */
export function checkTags(analysis: Analysis): void {
  for (const { visit, operation, result, session, epoch } of analysis.effects) {
    if (operation.kind === 'read' && result !== undefined)
      checkDocument(analysis, session, epoch, result as Document, visit);
    if (operation.kind === 'flashes')
      for (const message of (result as unknown[] | undefined) ?? []) {
        checkTag(analysis, session, epoch, parseTag(message), visit);
      }
  }
  for (const [visit, place] of analysis.sessions.places) {
    const base = visit.trace?.base;
    if (base && place.session) checkDocument(analysis, place.session, place.epoch, base, visit);
  }
  for (const row of analysis.history.rows) {
    const session = analysis.sessions.byId.get(row.id);
    if (session === undefined || session.isIndeterminate) continue;
    checkDocument(analysis, session, session.epochs.length - 1, row.data, null);
    for (const write of waitingIn(row.data)) {
      const message = analysis.byWrite.get(write);
      if (message !== undefined && !isOf(session, message.session.id)) {
        analysis.report('foreign data', `message ${write} waits in session ${session.id}`, message.visit);
      }
    }
  }
}

function checkDocument(
  analysis: Analysis,
  session: SessionHistory,
  epoch: number,
  data: Document,
  visit: Visit | null,
): void {
  for (const key of REGISTERS) if (key in data) checkTag(analysis, session, epoch, parseTag(data[key]), visit);
  for (const key of BOXES) {
    const box = data[key] as { tag: unknown; deep: { trail: unknown[] } } | undefined;
    if (box === undefined) continue;
    for (const value of box.deep.trail) checkTag(analysis, session, epoch, parseTag(value), visit);
    if (box.deep.trail.at(-1) === box.tag) continue;
    analysis.report('foreign data', `${key} of session ${session.id} is made of two writes`, visit);
  }
  const list = data['list'];
  if (Array.isArray(list)) for (const value of list) checkTag(analysis, session, epoch, parseTag(value), visit);
}

function checkTag(
  analysis: Analysis,
  session: SessionHistory,
  epoch: number,
  tag: Tag | null,
  visit: Visit | null,
): void {
  const user = session.epochs[epoch]?.user ?? null;
  const write = tag === null ? undefined : analysis.byWrite.get(tag.write);
  if (tag === null || write === undefined) {
    analysis.report('foreign data', `session ${session.id} holds a value that no request wrote here`, visit);
  } else if (![...session.ancestors].some((id) => shortId(id) === tag.session)) {
    analysis.report(
      'foreign data',
      `session ${session.id} holds write ${tag.write} of another session`,
      write.visit,
      visit,
    );
  } else if (tag.user !== null && tag.user !== user) {
    const whose = `write ${tag.write} of ${tag.user}, but is of ${String(user)}`;
    analysis.report('foreign data', `session ${session.id} holds ${whose}`, write.visit, visit);
  }
}

function isOf(session: SessionHistory, id: string): boolean {
  return session.id === id || session.ancestors.has(id);
}
