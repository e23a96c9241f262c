/** What was typed has no meaning. The message is one sentence for the one who has typed it. */
export class UsageError extends Error {}
