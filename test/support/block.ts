/** Keeps this process from all else, as a handler that computes does. @param time in milliseconds */
export function blockFor(time: number): void {
  const end = performance.now() + time;
  while (performance.now() < end);
}
