import type { Pause } from './program.js';

/** Goes on after a pause of a kind. */
export function continueAfter(pause: Pause, then: () => void): void {
  switch (pause) {
    case 'tick':
      process.nextTick(then);
      return;
    case 'microtask':
      queueMicrotask(then);
      return;
    case 'immediate':
      setImmediate(then);
      return;
    case 'timeout':
      setTimeout(then, 2);
  }
}
