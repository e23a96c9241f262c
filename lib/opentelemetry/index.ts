/**
 * Metrics and spans of the sessions, for OpenTelemetry: `nestjs-mikro-session/opentelemetry`. Needs `@opentelemetry/api`, and sends
 * nothing by itself: the SDK of the application does.
 *
 * @module
 */
export { instrumentSessions, type SessionInstrumentationOptions } from './instrument-sessions.js';
