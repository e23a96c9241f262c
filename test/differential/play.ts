import { setImmediate, setTimeout } from 'node:timers/promises';
import { Browser } from './browser.js';
import { takeIncidents } from './incidents.js';
import type { Outcome, Visited } from './outcome.js';
import { Performance } from './performance.js';
import type { Group, Sequence, Visit } from './program.js';
import type { Side } from './side.js';

const LOOK: Visit = {
  before: [],
  steps: [{ do: 'read' }, { do: 'user' }, { do: 'id' }, { do: 'cookie' }],
  returns: 'nothing',
  answer: { by: 'json', status: 200 },
  isLate: false,
};

let tickets = 0;

/**
 * Plays a sequence on one side, by a browser that has not been there before.
 *
 * @param patience in milliseconds: what has not come by then, an answer or a callback after it, is not going to
 */
export async function play(sequence: Sequence, side: Side, patience: number): Promise<Outcome> {
  takeIncidents();
  const browser = new Browser(side.port, side.agent);
  const look = (by: Browser): Promise<Visited> => visit(LOOK, by, side, patience);
  const cookies: (string | null)[] = [];
  const groups: Visited[][] = [];
  for (const group of sequence) {
    groups.push(await playGroup(group, browser, side, patience));
    cookies.push(browser.cookie);
  }
  const after = [await look(browser), await look(browser)];
  const lost = side.keepsCookies ? droppedTooSoon(browser.keptUntil, after) : [];
  const opened = new Map<string | null, Visited>();
  for (const cookie of cookies) {
    if (!opened.has(cookie)) opened.set(cookie, await look(new Browser(side.port, side.agent, cookie)));
  }
  // What was left to itself may fail only now.
  await setImmediate();
  await setImmediate();
  return {
    groups,
    after,
    cookies: cookies.map((cookie) => opened.get(cookie) as Visited),
    incidents: [...takeIncidents(), ...lost],
  };
}

/** What a browser that drops its cookie at a time, if at any, loses of the session that was seen last. */
export function droppedTooSoon(keptUntil: number | null, seen: readonly Visited[], now = Date.now()): string[] {
  const cookie = seen.at(-1)?.notes.find(({ step }) => step === 'cookie')?.result as { expires?: number } | undefined;
  if (keptUntil === null || cookie?.expires === undefined) return [];
  const kept = Math.round((keptUntil - now) / 60_000);
  // Both are rounded, and neither was asked for at this moment.
  if (kept >= cookie.expires - 1) return [];
  return [`the browser keeps its cookie for ${kept} minutes, and the session lives for ${cookie.expires}`];
}

async function playGroup(
  { visits, isReleasedInTurn }: Group,
  browser: Browser,
  side: Side,
  patience: number,
): Promise<Visited[]> {
  const started = visits.map((one) => ({ one, performance: new Performance(one) }));
  const replies: Promise<Visited>[] = [];
  for (const [index, { one, performance }] of started.entries()) {
    const isLast = index === started.length - 1;
    if (isLast) performance.released.resolve();
    const visited = visit(one, browser, side, patience, performance);
    replies.push(visited);
    if (isLast) await visited;
    else await Promise.race([performance.held.promise, visited]);
  }
  for (const [index, { performance }] of [...started.entries()].toReversed()) {
    performance.released.resolve();
    if (isReleasedInTurn) await replies[index];
  }
  return Promise.all(replies);
}

async function visit(
  one: Visit,
  browser: Browser,
  side: Side,
  patience: number,
  performance = new Performance(one),
): Promise<Visited> {
  const ticket = String(++tickets);
  side.performances.set(ticket, performance);
  const reply = await browser.get(pathOf(one), ticket, patience);
  const isOver = await hasEnded(performance, reply.status === 0 ? 0 : patience);
  side.performances.delete(ticket);
  const { notes, calledBack } = performance;
  return { reply, notes, calledBack, isOver };
}

async function hasEnded(performance: Performance, patience: number): Promise<boolean> {
  const over = performance.over.promise.then(() => true);
  const aborting = new AbortController();
  const late = setTimeout(patience, false, { signal: aborting.signal }).catch(() => false);
  const isOver = await Promise.race([over, late]);
  aborting.abort();
  return isOver;
}

function pathOf({ answer: { by }, returns }: Visit): string {
  if (by === 'return' || (by === 'throw' && returns === 'nothing')) return '/value';
  return by === 'passthrough' || by === 'next' ? `/${by}` : '/res';
}
