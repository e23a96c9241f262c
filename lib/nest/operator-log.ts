import { Logger } from '@nestjs/common';
import { escaped } from '../shown.js';
import type { OperatorLog } from '../troubles.js';

const logger = new Logger('SessionModule');

/** What the operator reads, and no client, each a line whatever is named in it. Where the logger fails, nothing else does: no request, and no timer. */
export const operatorLog = {
  log: (message: string): void => attempt(() => logger.log(escaped(message))),
  warn: (message: string): void => attempt(() => logger.warn(escaped(message))),
  error: (message: string, stack?: string): void => attempt(() => logger.error(escaped(message), stack)),
} satisfies OperatorLog;

function attempt(log: () => void): void {
  try {
    log();
  } catch {
    // There is nobody to tell.
  }
}
