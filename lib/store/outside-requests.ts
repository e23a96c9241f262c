import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * Runs a function outside of any request. What lives for longer than the request that begins it, such as a timer of all requests, would
 * keep for as long what the application has in an `AsyncLocalStorage` there.
 */
export const outsideRequests: <Result>(run: () => Result) => Result = AsyncLocalStorage.snapshot();
