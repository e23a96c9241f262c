import type { SessionSource } from './session-source.js';

const SOURCE = Symbol('nestjs-mikro-session:source');

type Application = { [SOURCE]?: SessionSource };

/**
 * Leaves word where sessions come from with an application of Express or Fastify, for what nothing can be injected into:
 * parameter decorators, and `request.session`.
 */
export function announce(source: SessionSource, application: object): void {
  (application as Application)[SOURCE] = source;
}

/** What was announced to the application that works on a request: of one mounted in another, the inner one. */
export function announcedTo(request: object): SessionSource | null {
  const { app, server } = request as { app?: Application; server?: Application };
  return (app ?? server)?.[SOURCE] ?? null;
}
