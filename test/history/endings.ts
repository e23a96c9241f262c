import { waitingIn } from './flashes.js';
import type { Facts } from './facts.js';
import type { Document, Row, Visit } from './history.js';
import type { Life } from './lineage.js';
import { BOXES, REGISTERS } from './operations.js';
import { parseTag, shortId, type Tag } from './tag.js';

/** What is left when everybody has stopped: the rows that must be there, and no others, each with its one secret. */
export function checkRows(facts: Facts): void {
  const rows = new Map(facts.history.rows.map((row) => [row.id, row]));
  for (const life of facts.lineage.lives.values()) {
    const row = rows.get(life.id);
    const death = life.deaths.find(({ isSure }) => isSure);
    const mayBeDead = life.isBuried || life.isUncertain || life.deaths.length > 0;
    if (row === undefined) {
      if (life.isBorn && !mayBeDead) {
        const born = life.epochs[0]?.start ?? null;
        facts.report('lost change', `session ${life.id} is gone, though nothing had ended it`, born);
      }
    } else if (life.isBuried || death !== undefined) {
      const last = visitsOf(facts, life).at(-1) ?? null;
      facts.report('dead session', `session ${life.id} is back after its end`, death?.visit ?? null, last);
    } else if (!life.isUncertain) {
      checkRow(facts, life, row);
    }
  }
}

function visitsOf({ history, lineage }: Facts, life: Life): Visit[] {
  return history.visits.filter((visit) => lineage.places.get(visit)?.life === life);
}

function checkRow(facts: Facts, life: Life, row: Row): void {
  const last = life.epochs.at(-1);
  if (row.generation !== life.epochs.length - 1 || row.user !== last?.user) {
    const is = `of generation ${row.generation} and of ${String(row.user)}`;
    const be = `of ${life.epochs.length - 1} and of ${String(last?.user)}`;
    facts.report('credential', `session ${life.id} is ${is}, but should be ${be}`, last?.start ?? null);
  }
  if (life.rotations.some(({ to }) => to === null)) return;
  const replaced = new Set(life.rotations.map(({ from }) => from));
  const live = facts.history.cookies.filter(({ id, hash }) => id === row.id && hash === row.hash);
  const [cookie] = live;
  // One that nobody got: its request was refused after all.
  const known = cookie === undefined ? -1 : facts.history.cookies.indexOf(cookie);
  const place = facts.lineage.cookies[known];
  if (live.length !== 1 || replaced.has(known) || place?.epoch !== life.epochs.length - 1) {
    facts.report('credential', `session ${life.id} does not have the secret that was issued last`, last?.start ?? null);
  }
}

/** No session shows what was written in another one, or for another user. */
export function checkTags(facts: Facts): void {
  for (const { visit, operation, result, life, epoch } of facts.effects) {
    if (operation.kind === 'read' && result !== undefined) checkDocument(facts, life, epoch, result as Document, visit);
    if (operation.kind === 'flashes')
      for (const message of (result as unknown[] | undefined) ?? []) {
        checkTag(facts, life, epoch, parseTag(message), visit);
      }
  }
  for (const [visit, place] of facts.lineage.places) {
    const base = visit.trace?.base;
    if (base && place.life) checkDocument(facts, place.life, place.epoch, base, visit);
  }
  for (const row of facts.history.rows) {
    const life = facts.lineage.lives.get(row.id);
    if (life === undefined || life.isUncertain) continue;
    checkDocument(facts, life, life.epochs.length - 1, row.data, null);
    for (const write of waitingIn(row.data)) {
      const message = facts.byWrite.get(write);
      if (message !== undefined && !isOf(life, message.life.id)) {
        facts.report('foreign data', `message ${write} waits in session ${life.id}`, message.visit);
      }
    }
  }
}

function checkDocument(facts: Facts, life: Life, epoch: number, data: Document, visit: Visit | null): void {
  for (const key of REGISTERS) if (key in data) checkTag(facts, life, epoch, parseTag(data[key]), visit);
  for (const key of BOXES) {
    const box = data[key] as { tag: unknown; deep: { trail: unknown[] } } | undefined;
    if (box === undefined) continue;
    for (const value of box.deep.trail) checkTag(facts, life, epoch, parseTag(value), visit);
    if (box.deep.trail.at(-1) === box.tag) continue;
    facts.report('foreign data', `${key} of session ${life.id} is made of two writes`, visit);
  }
  const list = data['list'];
  if (Array.isArray(list)) for (const value of list) checkTag(facts, life, epoch, parseTag(value), visit);
}

function checkTag(facts: Facts, life: Life, epoch: number, tag: Tag | null, visit: Visit | null): void {
  const user = life.epochs[epoch]?.user ?? null;
  const write = tag === null ? undefined : facts.byWrite.get(tag.write);
  if (tag === null || write === undefined) {
    facts.report('foreign data', `session ${life.id} holds a value that nobody wrote here`, visit);
  } else if (![...life.ancestors].some((id) => shortId(id) === tag.session)) {
    facts.report('foreign data', `session ${life.id} holds write ${tag.write} of another session`, write.visit, visit);
  } else if (tag.user !== null && tag.user !== user) {
    const whose = `write ${tag.write} of ${tag.user}, but is of ${String(user)}`;
    facts.report('foreign data', `session ${life.id} holds ${whose}`, write.visit, visit);
  }
}

function isOf(life: Life, id: string): boolean {
  return life.id === id || life.ancestors.has(id);
}
