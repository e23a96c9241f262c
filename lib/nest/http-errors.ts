import { HttpException, ServiceUnavailableException, UnauthorizedException } from '@nestjs/common';
import { SessionError, SessionGoneError, SessionStoreUnavailableError } from '../session.errors.js';
import { operatorLog } from './operator-log.js';

/** The status that answers an error, unless a filter answers otherwise. */
export function statusOf(error: unknown): number {
  if (error instanceof HttpException) return error.getStatus();
  return error instanceof SessionError ? (error.statusCode ?? 500) : 500;
}

/** The same error as exception filters expect it; to the client, a store that cannot be reached is no more than 503. */
export function toHttpException(error: unknown): unknown {
  if (error instanceof SessionGoneError) return new UnauthorizedException(error.message, { cause: error });
  if (error instanceof SessionStoreUnavailableError) {
    return new ServiceUnavailableException('Sessions are unavailable for the moment. Try again.', { cause: error });
  }
  return error;
}

/** Logs for the operator what the client does not learn. */
export function logFailure(error: unknown): void {
  if (statusOf(error) < 500) return;
  const { message, cause, stack } = error instanceof Error ? error : new Error(String(error));
  if (error instanceof SessionStoreUnavailableError) operatorLog.error(`${message} Cause: ${String(cause)}`);
  else operatorLog.error(message, stack);
}

/** The same where the client cannot be answered any more: its response has begun. */
export function logCutOff(error: unknown): void {
  operatorLog.error(`A response was cut off, for what came after its first byte could not be stored. ${String(error)}`);
  logFailure(error);
}
