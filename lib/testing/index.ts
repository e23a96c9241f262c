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
