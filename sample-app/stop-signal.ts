/** One Ctrl-C may arrive twice: from the terminal, and passed on by `npm start`. In milliseconds. */
const ECHO = 500;

/** Aborted when the app is asked to stop; from then on, another Ctrl-C ends the process at once. */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  let askedAt = 0;
  const stop = (): void => {
    if (controller.signal.aborted) {
      if (performance.now() - askedAt > ECHO) process.exit(130);
      return;
    }
    askedAt = performance.now();
    console.log('\nStopping …');
    controller.abort();
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, stop);
  return controller.signal;
}
