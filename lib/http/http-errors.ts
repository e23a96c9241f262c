import { HttpException, Logger, ServiceUnavailableException, UnauthorizedException } from '@nestjs/common';
import { SessionError, SessionGoneError, SessionStoreUnavailableError } from '../session.errors.js';

const logger = new Logger('SessionModule');

/** The status that answers an error, if nobody handles it otherwise. */
export function statusOf(error: unknown): number {
  if (error instanceof HttpException) return error.getStatus();
  return error instanceof SessionError ? error.statusCode : 500;
}

/**
 * The same error as exception filters expect it. A store that cannot be reached is logged here, with its cause: to the
 * client it says no more than 503.
 */
export function toHttpException(error: unknown): unknown {
  if (error instanceof SessionGoneError) return new UnauthorizedException(error.message, { cause: error });
  if (error instanceof SessionStoreUnavailableError) {
    logger.error(`${error.message} Cause: ${describe(error.cause)}`);
    return new ServiceUnavailableException('Sessions are unavailable for the moment. Try again.', { cause: error });
  }
  return error;
}

/** Has the client come back in a second, where that is worth it. */
export function retryAfterOf(status: number): string | null {
  return status === 503 ? '1' : null;
}

function describe(cause: unknown): string {
  return cause instanceof Error ? `${cause.name}: ${cause.message}` : 'unknown';
}
