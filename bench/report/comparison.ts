import { CONTESTANTS } from '../contestants.js';
import type { Figures, Method, Results } from '../results.js';

/** The figures of everybody who did the same. */
export interface Event {
  readonly method: Method;
  readonly connections: number;
  readonly figures: readonly Figures[];
}

/** Groups the figures by what was done, in the order in which it was. */
export function eventsOf({ closedLoop }: Pick<Results, 'closedLoop'>): Event[] {
  const events = new Map<string, Event & { figures: Figures[] }>();
  for (const one of closedLoop) {
    const { method, connections } = one;
    const key = `${method} ${connections}`;
    const event = events.get(key) ?? { method, connections, figures: [] };
    event.figures.push(one);
    events.set(key, event);
  }
  return Array.from(events.values());
}

export function isBare(name: string): boolean {
  return contestant(name)?.server === 'bare';
}

export function isOurs(name: string): boolean {
  return contestant(name)?.server === 'ours';
}

/** A session library of somebody else's. */
export function isPeer(name: string): boolean {
  return !isOurs(name) && contestant(name)?.store !== 'none';
}

/** The server without sessions on the same framework. */
export function bareFor<One extends { contestant: string; platform: string }>(
  one: One,
  among: readonly One[],
): One | undefined {
  return among.find((other) => other.platform === one.platform && isBare(other.contestant));
}

/** Ours with its default options, on the same framework. */
export function oursFor<One extends { contestant: string; platform: string }>(
  one: One,
  among: readonly One[],
): One | undefined {
  return among.find((other) => other.platform === one.platform && isOurs(other.contestant));
}

function contestant(name: string) {
  return CONTESTANTS.find((one) => one.name === name);
}
