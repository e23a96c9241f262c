import type { WsException } from '@nestjs/websockets';
import { type ArgumentsHost, HttpException } from '@nestjs/common';

/**
 * An error of ours as the exception filters of gateways understand it. To them an `HttpException` is unknown, and what
 * the client hears is "Internal server error". Elsewhere, and for other errors: the same error.
 *
 * The `WsException` that comes of it has `{ status: 'error', statusCode, message, cause: { pattern, data } }` for the
 * client, and the original as `cause`.
 */
export async function toWsException(error: unknown, host: ArgumentsHost): Promise<unknown> {
  if (host.getType() !== 'ws' || !(error instanceof HttpException)) return error;
  const Exception = await wsException();
  if (Exception === undefined) return error;
  const ws = host.switchToWs();
  const exception = new Exception({
    status: 'error',
    statusCode: error.getStatus(),
    message: error.message,
    cause: { pattern: ws.getPattern(), data: ws.getData<unknown>() },
  });
  return Object.assign(exception, { cause: error.cause ?? error });
}

/** Not a dependency, but there whenever a gateway is. Inside `try`, bundlers take it for what may be missing. */
async function wsException(): Promise<typeof WsException | undefined> {
  try {
    return (await import('@nestjs/websockets')).WsException;
  } catch {
    return undefined;
  }
}
