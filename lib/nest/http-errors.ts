import { ForbiddenException, HttpException, ServiceUnavailableException, UnauthorizedException } from '@nestjs/common';
import { SessionError, SessionGoneError, SessionOriginError, SessionStoreUnavailableError } from '../session.errors.js';
import type { OperatorReports } from '../operator-reports.js';

/** The status that answers an error, unless a filter answers otherwise. */
export function statusOf(error: unknown): number {
  if (error instanceof HttpException) return error.getStatus();
  return error instanceof SessionError ? (error.statusCode ?? 500) : 500;
}

/** The same error as exception filters expect it; to the client, a store that cannot be reached is no more than 503. */
export function toHttpException(error: unknown): unknown {
  if (error instanceof SessionGoneError) return new UnauthorizedException(error.message, { cause: error });
  if (error instanceof SessionOriginError) return new ForbiddenException(error.message, { cause: error });
  if (error instanceof SessionStoreUnavailableError) {
    return new ServiceUnavailableException('Sessions are unavailable for the moment. Try again.', { cause: error });
  }
  return error;
}

/** Reports to the operator what the client does not learn. */
export function reportFailure(reports: OperatorReports, error: unknown): void {
  if (statusOf(error) >= 500) reports.requestFailed(error);
}
