/**
 * For tests of applications, with any runner: sessions that they make and read, a clock that they move, and the contract of a store.
 *
 * @module
 */
export { expectFlash, expectSignedIn, expectSignedOut } from './expectations.js';
export { sessionStoreContract, type StoreExpectation } from './session-store-contract.js';
export type { TestApplication } from './test-application.js';
export {
  createTestSession,
  type HeldByClient,
  readSession,
  type TestCookie,
  type TestSession,
  type TestSessionContent,
} from './test-session.js';
export { advanceSessionClock, TestSessionStore } from './test-session.store.js';
