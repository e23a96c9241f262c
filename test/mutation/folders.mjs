/** What is mutated, and which specs are to notice: fast ones, and those with a database where that is the subject. */
export const FOLDERS = {
  session: {
    mutate: ['lib/session/**/*.ts'],
    specs: ['test/unit/session/**/*.spec.ts'],
  },
  http: {
    mutate: ['lib/http/**/*.ts'],
    specs: ['test/unit/http/**/*.spec.ts', 'test/unit/session.options*.spec.ts'],
  },
  nest: {
    mutate: [
      'lib/guarded-observable.ts',
      'lib/nest/*.guard.ts',
      'lib/nest/access/**/*.ts',
      'lib/nest/decorators/{authorize,public}.decorator.ts',
    ],
    specs: ['test/unit/guarded-observable.spec.ts', 'test/unit/nest/**/*.spec.ts'],
  },
  store: {
    mutate: ['lib/store/**/*.ts', '!lib/store/{postgres,redis}/**', '!lib/store/index.ts'],
    specs: [
      'test/unit/store/{,batching/}*.spec.ts',
      // It takes half a minute.
      '!test/unit/store/kept-memory.spec.ts',
      // It starts processes, which would run the code as it was built.
      '!test/unit/store/batching/renewal-buffer.robust.spec.ts',
    ],
  },
  postgres: {
    mutate: ['lib/store/postgres/**/*.ts'],
    specs: [
      'test/unit/store/postgres/*.spec.ts',
      'test/integration/{store,table}/*.spec.ts',
      'test/integration/{cache,encryption,pglite,store-contract}.spec.ts',
      'test/e2e/adoption/{adoption,conversion,revocation,sources}.spec.ts',
      // It takes half a minute.
      '!test/integration/table/bounds.spec.ts',
      // It runs the code as it was built.
      '!test/integration/table/command-line.spec.ts',
    ],
    testTimeout: 30_000,
    needsDatabase: true,
  },
};
