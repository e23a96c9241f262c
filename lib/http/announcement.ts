import type { SessionSource } from './request-session.js';

const SOURCE = Symbol('nestjs-mikro-session:source');

type Application = { [SOURCE]?: SessionSource };

/**
 * Leaves word where sessions come from with an application of Express or Fastify, for parameter decorators, which
 * nothing can be injected into.
 */
export function announce(source: SessionSource, application: object): void {
  (application as Application)[SOURCE] = source;
}

/** What was announced to the application that received a request. */
export function announcedTo(request: object): SessionSource | null {
  const { app, server } = request as { app?: Application; server?: Application };
  return (app ?? server)?.[SOURCE] ?? null;
}
