const SAME = 'The same comes of it.';
const SHORTCUT = 'A shortcut, for speed alone: without it the same comes of it.';
const TEXT = 'The text of a message, which no program reads.';
const TYPES = 'For the type checker: it cannot be so.';
const MOMENT = 'One moment of a clock that goes by fractions of a millisecond.';
const METER = 'The name of a meter that nothing reads.';

/** Why no test notices a change: the file, a part of `before → after`, and the reason. */
export const REASONS = [
  ['lib/http/adopting.transport.ts', 'sids.size === 0', SHORTCUT],
  ['lib/http/adopting.transport.ts', 'domain !== undefined', TYPES],
  ['lib/http/cache-control.ts', '[\\s,]', SAME],
  ['lib/http/cookie-identity.ts', '"Stryker was here!"', SAME],
  ['lib/http/cookie-identity.ts', 'toUpperCase', 'Both sides are compared in the same case.'],
  ['lib/http/cookie-identity.ts', '/[#?].*/s', SAME],
  ['lib/http/cookie-identity.ts', 'start < end', 'Beyond the end of a text there is no blank.'],
  ['lib/http/cookie-identity.ts', 'end > start', 'Before the beginning of a text there is no blank.'],
  ['lib/http/cookie.transport.ts', '→ ""', TEXT],
  ['lib/http/gated-response.ts', 'one === undefined', 'Kept once for each prototype, for speed alone.'],
  ['lib/http/origin-check.ts', "'' → ", 'No method, and no host, is called that.'],
  ['lib/http/origin-check.ts', '[] → ', 'What is added is read by nothing.'],
  ['lib/http/origin-check.ts', '(.+)/', 'An origin has no line break: that is checked before.'],
  ['lib/http/request-property.ts', 'this.#prototypes.has', SHORTCUT],
  ['lib/http/response-gate.ts', "this.#state === 'refused' → true", 'In every other state there is nothing to undo.'],
  ['lib/http/response-gate.ts', "this.#state === 'holding' → true", 'In every other state there is nothing to undo.'],
  ['lib/http/session-cookie.ts', 'equals > 0', 'An empty name is never that of our cookie.'],
  ['lib/http/session-cookie.ts', 'domain !== undefined', SAME],
  ['lib/http/write-head.ts', 'index <= pairs.length', 'It removes a header called "undefined".'],

  ['lib/guarded-observable.ts', 'first instanceof Subscriber', 'What it throws is caught one step later.'],
  ['lib/guarded-observable.ts', 'observer.error(reason)', TYPES],
  [
    'lib/nest/access/access-contradictions.ts',
    "=== 'function' → true",
    'What is no class has no statement and no base class.',
  ],
  ['lib/nest/access/check-access.ts', 'sessionContext === null → true', 'Other transports never have a context.'],
  ['lib/nest/access/check-access.ts', 'sessionContext !== null', TYPES],
  ['lib/nest/access/check-access.ts', 'authenticatedAt === null', TYPES],
  ['lib/nest/access/check-access.ts', '>= within', MOMENT],
  ['lib/nest/access/route-access.ts', '→ ""', 'The key of a mark, which is written and read by the same name.'],
  [
    'lib/nest/access/route-access.ts',
    'index >= publicClass',
    'A public class has no requirements of its own: that is refused at start.',
  ],
  ['lib/nest/access/route-access.ts', "typeof one === 'function'", 'What is no function has no prototype either.'],
  ['lib/nest/access/route-access.ts', '"Stryker was here!"', TYPES],
  ['lib/nest/access/route-access.ts', 'key).value', TYPES],

  ['lib/store/batching/lookup-batcher.ts', "'find'", METER],
  ['lib/store/batching/lookup-batcher.ts', 'this.#isTurnOver', SHORTCUT],
  ['lib/store/batching/lookup-batcher.ts', 'this.#limits.underWay → false', SHORTCUT],
  ['lib/store/batching/renewal-buffer.ts', "'renew'", METER],
  ['lib/store/batching/renewal-buffer.ts', 'left > 0', SAME],
  ['lib/store/batching/write-batcher.ts', "'commit'", METER],
  ['lib/store/batching/write-batcher.ts', 'waiters[0]?.', TYPES],
  [
    'lib/store/caching.session-store.ts',
    'this.#copies.info(id)',
    'Spares working the size out anew; the copy is there.',
  ],
  ['lib/store/encrypting.session-store.ts', 'plain ??', SHORTCUT],
  ['lib/store/encrypting.session-store.ts', 'hasAdditions(changes) → true', SHORTCUT],
  ['lib/store/encrypting.session-store.ts', "'{}' →", SAME],
  ['lib/store/encryption.ts', 'authTagLength', 'The default, which is said so that it stays so.'],
  ['lib/store/encryption.ts', "'utf8'", 'The default.'],
  ['lib/store/limits.ts', "'' →", TYPES],
  ['lib/store/limits.ts', 'Number(exponent) > 0', 'No number is written with an exponent of zero.'],
  ['lib/store/lost-time.ts', 'late > SLACK', MOMENT],
  ['lib/store/memory.session-store.ts', 'one.id < other.id', 'No two sessions have the same id.'],
  ['lib/store/sweeper.ts', '/ LEASE_INTERVALS →', MOMENT],
];
