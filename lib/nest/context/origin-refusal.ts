import type { ForeignPage } from '../../http/origin-check.js';
import { SessionOriginError } from '../../session.errors.js';
import type { SessionSource } from './session-source.js';

/** What a foreign page is answered with. Counted, and the operator is told. */
export function refused({ manager }: SessionSource, { origin }: ForeignPage): SessionOriginError {
  const error = new SessionOriginError(origin);
  manager.meter.origins.refused += 1;
  manager.reports.originRefused(error);
  return error;
}
