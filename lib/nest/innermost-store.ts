/** The token of the store that really keeps the sessions, behind the cache and encryption. */
export const INNERMOST_STORE = Symbol('INNERMOST_SESSION_STORE');
