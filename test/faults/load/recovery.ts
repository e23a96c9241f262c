import type { Answer } from './http.js';

/** 401 is the right answer to a dead cookie; what a live one gets is in the ledger. */
export function isServed({ status }: Pick<Answer, 'status'>): boolean {
  return status === 200 || status === 401;
}

/** From a moment until every request that begins is served, in milliseconds; `Infinity` where none is. */
export function recoveryOf(answers: readonly Pick<Answer, 'begin' | 'end' | 'status'>[], since: number): number {
  const after = answers.filter(({ begin }) => begin >= since);
  const firstServed = Math.min(...after.filter(isServed).map(({ end }) => end));
  const lastRefused = Math.max(...after.filter((answer) => !isServed(answer)).map(({ begin }) => begin));
  return Math.max(firstServed, lastRefused) - since;
}
