import type { Answer } from './http.js';

/** 401 is the right answer to a dead cookie; what a live one gets is in the ledger. */
export function isServed({ status }: Pick<Answer, 'status'>): boolean {
  return status === 200 || status === 401;
}

/** From a moment until the last request began that was not served, in milliseconds; `Infinity` where none was served after it. */
export function recoveryOf(answers: readonly Pick<Answer, 'begin' | 'status'>[], since: number): number {
  const after = answers.filter(({ begin }) => begin >= since);
  const lastServed = Math.max(...after.filter(isServed).map(({ begin }) => begin));
  const lastRefused = Math.max(since, ...after.filter((answer) => !isServed(answer)).map(({ begin }) => begin));
  return lastServed > lastRefused ? lastRefused - since : Infinity;
}
