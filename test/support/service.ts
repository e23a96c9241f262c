import { SessionService } from 'nestjs-mikro-session';
import { type SessionStore } from 'nestjs-mikro-session/store';
import { SessionSource } from '../../lib/nest/context/session-source.js';
import { OperatorReports } from '../../lib/operator-reports.js';
import { SessionManager } from '../../lib/session-manager.js';
import type { ResolvedSessionOptions } from '../../lib/session.options.js';

/** A service without an application. */
export function serviceOn(store: SessionStore, options: ResolvedSessionOptions): SessionService {
  const reports = new OperatorReports({ log: () => {}, warn: () => {}, error: () => {} });
  return new SessionService(new SessionSource(new SessionManager(store, options, reports), options), store);
}
