// Exponential backoff by numbers alone, in milliseconds: a session that is written to carries no object for it.

/** The first pause before what was locked is tried again. */
export const FIRST_PAUSE = 1;
const LONGEST_PAUSE = 50;
/**
 * The longest pause of what waits for a row that another transaction holds. Who writes to it without end takes it again within one:
 * after longer pauses, others would hardly ever find it free.
 */
export const LONGEST_FOR_ROW = 5;

/** The pause after one: twice as long, up to a limit. */
export function longerPause(pause: number, longest = LONGEST_PAUSE): number {
  return Math.min(pause * 2, longest);
}

/** Waits for a pause, give or take; `false`, at once, where so much time is not left. */
export async function paused(pause: number, left: number): Promise<boolean> {
  const wait = jittered(pause);
  if (wait >= left) return false;
  await new Promise((resolve) => setTimeout(resolve, wait));
  return true;
}

/** A pause of half to one and a half times the length, so that those that wait for the same do not try together. */
export function jittered(pause: number): number {
  return pause * (0.5 + Math.random());
}
