const incidents: string[] = [];

const text = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error));

/** From now on an exception or rejection that nobody catches is noted, and ends nothing. */
export function noteIncidents(): void {
  process.on('uncaughtException', (error) => incidents.push(`uncaught exception: ${text(error)}`));
  process.on('unhandledRejection', (reason) => incidents.push(`unhandled rejection: ${text(reason)}`));
}

/** Those since this was asked last. */
export function takeIncidents(): string[] {
  return incidents.splice(0);
}
