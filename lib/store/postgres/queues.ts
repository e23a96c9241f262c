import type { SessionChanges } from '../../session/data/changes.js';
import type { StoreListener } from '../../session-store.js';
import type { SessionSecrets, StoredSession } from '../../session/stored-session.js';
import { type CommitOutcome, type CommitRequest, foldCommits } from '../batching/commit-request.js';
import { LookupBatcher } from '../batching/lookup-batcher.js';
import { RenewalBuffer } from '../batching/renewal-buffer.js';
import { WriteBatcher } from '../batching/write-batcher.js';
import { lengthOf } from '../limits.js';
import { QueueMeter } from '../../stats/queue-meter.js';
import type { StoreMeter } from '../../stats/store-meter.js';
import type { CreateRequest, DeleteRequest, SessionQueries } from './session-queries.js';

/** All that one request may ask for go into one statement. */
const MOST_SECRETS = 256;

/** In characters: what takes PostgreSQL milliseconds to parse must hold up no others. */
const LARGE = 8_192;

/** The queues in front of the statements: what waits in one goes together. */
export interface Queues {
  readonly finds: LookupBatcher<StoredSession>;
  /** Of requests with several credentials, which must hold up no others. */
  readonly secrets: LookupBatcher<SessionSecrets>;
  readonly creations: WriteBatcher<CreateRequest, StoredSession>;
  /** That in which changes wait. */
  readonly commitsLike: (changes: SessionChanges) => WriteBatcher<CommitRequest, CommitOutcome>;
  readonly deletions: WriteBatcher<DeleteRequest, boolean>;
  readonly renewals: RenewalBuffer;
}

/** @param flushEvery how long renewals are collected, in milliseconds */
export function queuesOf(
  queries: SessionQueries,
  flushEvery: number,
  listener: StoreListener,
  { queues: meters }: StoreMeter,
): Queues {
  const now = (): number => queries.time();
  const commits = (): WriteBatcher<CommitRequest, CommitOutcome> =>
    new WriteBatcher({
      operation: 'save a session',
      now,
      write: (requests) => queries.commit(requests),
      fold: foldCommits,
      meter: meters.commit,
    });
  const [small, large] = [commits(), commits()];
  return {
    finds: new LookupBatcher(
      { now, findMany: (ids, deadline) => queries.lookups.findMany(ids, deadline) },
      meters.find,
    ),
    secrets: new LookupBatcher(
      { now, findMany: (ids, deadline) => queries.lookups.secretsOf(ids, deadline) },
      new QueueMeter('find'),
      { sessions: MOST_SECRETS, underWay: 1 },
    ),
    creations: new WriteBatcher({
      operation: 'create a session',
      now,
      write: (requests) => queries.create(requests),
      meter: meters.create,
    }),
    commitsLike: ({ data }) => (lengthOf(data) > LARGE ? large : small),
    deletions: new WriteBatcher({
      operation: 'end a session',
      now,
      write: (requests) => queries.delete(requests),
      meter: meters.delete,
    }),
    renewals: new RenewalBuffer(queries, flushEvery, listener, meters.renew),
  };
}
