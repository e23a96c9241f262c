import { escaped } from '../shown.js';

/** What was typed has no meaning. The message is one sentence for the one who has typed it, on one line. */
export class UsageError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(escaped(message), options);
  }
}
