import config from './jest.config.mjs';

/** The tests that need Chromium and curl, which npm does not install. */
export default {
  ...config,
  testMatch: ['<rootDir>/test/browser/**/*.spec.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
};
