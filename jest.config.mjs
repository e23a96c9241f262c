/** @type {import('jest').Config} */
export default {
  testMatch: ['<rootDir>/test/**/*.spec.ts', '<rootDir>/sample-app/test/**/*.spec.ts'],
  // They need programs that npm does not install; `npm run test:browser` runs them.
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/browser/'],
  // Where mutation testing keeps its copy of the project while it runs.
  modulePathIgnorePatterns: ['<rootDir>/.stryker-tmp/'],
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2024',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
        },
        module: { type: 'es6' },
      },
    ],
  },
  moduleNameMapper: {
    '^nestjs-mikro-session$': '<rootDir>/lib/index.ts',
    '^nestjs-mikro-session/store$': '<rootDir>/lib/store/index.ts',
    '^nestjs-mikro-session/opentelemetry$': '<rootDir>/lib/opentelemetry/index.ts',
    '^nestjs-mikro-session/redis$': '<rootDir>/lib/redis/index.ts',
    '^nestjs-mikro-session/testing$': '<rootDir>/lib/testing/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  globalSetup: '<rootDir>/test/support/global-setup.mjs',
  globalTeardown: '<rootDir>/test/support/global-teardown.mjs',
  reporters: ['default', '<rootDir>/test/support/closing-line.mjs'],
  maxWorkers: '100%',
  testTimeout: 90_000,
  // A worker that has run half of the tests is a process of a gigabyte: on a busy machine, to take that down takes longer
  // than Jest waits by default (500 ms), though nothing is open.
  workerGracefulExitTimeout: 10_000,
  // Such a process is slow: a test that collects garbage took 150 s in one, and 6 s in a new one.
  workerIdleMemoryLimit: '500MB',
};
