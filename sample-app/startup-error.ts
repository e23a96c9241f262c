/** Something that keeps the app from starting and that one sentence explains; a stack trace would not help. */
export class StartupError extends Error {}
