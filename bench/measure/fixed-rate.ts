import { CONTESTANTS, isOursByDefault } from '../contestants.js';
import type { Figures, Method } from '../results.js';

/** Of what ours can take: so near to its limits that queues show, and not beyond. */
export const SHARE_OF_OURS = 0.7;

/** A contestant that answers a smaller share in a round cannot keep up: further rounds would show nothing else. */
export const HOPELESS = 0.8;

/** Requests a second that all contestants are offered alike. */
export interface FixedRate {
  readonly perSecond: number;
  /** Which of ours it follows from. */
  readonly of: string;
}

/** A share of what the slower of ours, with its default options, did with most connections; `null` where neither was measured. */
export function fixedRate(method: Method, closed: readonly Figures[]): FixedRate | null {
  const ours = CONTESTANTS.filter(isOursByDefault).map(({ name }) => name);
  const most = Math.max(...closed.map(({ connections }) => connections));
  const [slowest] = closed
    .filter((one) => ours.includes(one.contestant) && one.method === method && one.connections === most)
    .toSorted((one, other) => one.spread.perSecond.median - other.spread.perSecond.median);
  if (slowest === undefined) return null;
  return { perSecond: Math.round(slowest.spread.perSecond.median * SHARE_OF_OURS), of: slowest.contestant };
}
