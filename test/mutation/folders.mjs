/** What is mutated, and which specs are to notice: the fast ones first of all, those with a database where it is the subject. */
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
    mutate: ['lib/store/**/*.ts', '!lib/store/postgres/**'],
    specs: ['test/unit/store/**/*.spec.ts', 'test/integration/store-contract.spec.ts'],
  },
  postgres: {
    mutate: ['lib/store/postgres/**/*.ts'],
    specs: [
      'test/unit/store/postgres/**/*.spec.ts',
      'test/integration/store/*.spec.ts',
      'test/integration/table/*.spec.ts',
    ],
  },
};
