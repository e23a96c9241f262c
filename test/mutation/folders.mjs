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
    mutate: ['lib/store/**/*.ts', '!lib/store/postgres/**', '!lib/store/index.ts'],
    // Without that of the memory that is taken, which takes half a minute.
    specs: ['test/unit/store/{,batching/}*.spec.ts', '!test/unit/store/kept-memory.spec.ts'],
  },
  postgres: {
    mutate: ['lib/store/postgres/**/*.ts'],
    specs: ['test/unit/store/postgres/*.spec.ts', 'test/integration/{store,table}/*.spec.ts'],
  },
};
