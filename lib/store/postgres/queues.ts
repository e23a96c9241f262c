import type { SessionChanges } from '../../session/data/changes.js';
import type { NewSession, StoreListener } from '../../session-store.js';
import type { SessionSecrets, StoredSession } from '../../session/stored-session.js';
import type { SessionId } from '../../session/token.js';
import { type CommitOutcome, type CommitRequest, foldCommits } from '../batching/commit-request.js';
import { LookupBatcher } from '../batching/lookup-batcher.js';
import { RenewalBuffer } from '../batching/renewal-buffer.js';
import { WriteBatcher, type WriteTarget } from '../batching/write-batcher.js';
import { lengthOf } from '../limits.js';
import { QueueMeter } from '../../stats/queue-meter.js';
import type { StoreMeter } from '../../stats/store-meter.js';
import type { CreateRequest, DeleteRequest, SessionQueries } from './session-queries.js';

/** All that one request may ask for go into one statement. */
const MOST_SECRETS = 256;

/** In characters: what takes PostgreSQL milliseconds to parse, or to unpack and pack, must hold up no others. */
const LARGE = 8_192;

/** How many characters of data go into one statement with small sessions. */
const MOST_TOGETHER = 128 * 1024;

/** The queues in front of the statements: what waits in one goes together. */
export interface Queues {
  readonly finds: LookupBatcher<StoredSession>;
  /** Of requests with several credentials, which must hold up no others. */
  readonly secrets: LookupBatcher<SessionSecrets>;
  /** That in which a new session waits. */
  readonly creationsOf: (session: NewSession) => WriteBatcher<CreateRequest, StoredSession>;
  /** That in which changes to a session wait. */
  readonly commitsOf: (id: SessionId, changes: SessionChanges) => WriteBatcher<CommitRequest, CommitOutcome>;
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
  const { lengths } = queries;
  const commits: WriteTarget<CommitRequest, CommitOutcome> = {
    operation: 'save a session',
    now,
    write: (requests) => queries.commit(requests),
    fold: foldCommits,
    meter: meters.commit,
  };
  const small = new WriteBatcher({ ...commits, partOf: ({ id }) => lengths.of(id) / MOST_TOGETHER });
  const large = new WriteBatcher(commits);
  const findMany = async (ids: readonly SessionId[], deadline: number): Promise<StoredSession[]> => {
    const found = await queries.lookups.findMany(ids, deadline);
    // Of a corrupt row it may be null.
    for (const { id, data } of found) lengths.note(id, (data as string | null)?.length ?? 0);
    return found;
  };
  const created: WriteTarget<CreateRequest, StoredSession> = {
    operation: 'create a session',
    now,
    write: (requests) => {
      for (const { id, session } of requests) lengths.note(id, session.data.length);
      return queries.create(requests);
    },
    meter: meters.create,
  };
  const creations = new WriteBatcher({
    ...created,
    partOf: ({ session }) => session.data.length / MOST_TOGETHER,
  });
  const largeCreations = new WriteBatcher(created);
  return {
    finds: new LookupBatcher({ now, findMany }, meters.find),
    secrets: new LookupBatcher(
      { now, findMany: (ids, deadline) => queries.lookups.secretsOf(ids, deadline) },
      new QueueMeter('find'),
      { sessions: MOST_SECRETS, underWay: 1 },
    ),
    creationsOf: ({ data }) => (data.length > LARGE ? largeCreations : creations),
    commitsOf: (id, { data }) => {
      // At most: what it replaces is not known, and its own answer says.
      const length = lengths.of(id) + lengthOf(data);
      lengths.note(id, length);
      return length > LARGE ? large : small;
    },
    deletions: new WriteBatcher({
      operation: 'end a session',
      now,
      write: (requests) => queries.delete(requests),
      meter: meters.delete,
    }),
    renewals: new RenewalBuffer(queries, flushEvery, listener, meters.renew),
  };
}
