export { sessionStoreContract, type StoreExpectation } from './session-store-contract.js';
