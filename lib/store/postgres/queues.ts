import type { DataChanges } from '../../session/data/changes.js';
import type { StoreListener } from '../../session-store.js';
import type { SessionSecrets, StoredSession } from '../../session/stored-session.js';
import type { SessionId } from '../../session/token.js';
import { type CommitOutcome, type CommitRequest, foldCommits } from '../batching/commit-request.js';
import { LookupBatcher } from '../batching/lookup-batcher.js';
import { RenewalBuffer } from '../batching/renewal-buffer.js';
import { Slots } from '../batching/slots.js';
import { MOST_PIECES, WriteBatcher, type WriteRequest, type WriteTarget } from '../batching/write-batcher.js';
import { lengthOf } from '../limits.js';
import { QueueMeter } from '../../stats/queue-meter.js';
import type { StoreMeter } from '../../stats/store-meter.js';
import type { CreateRequest, DeleteRequest, LoginRequest, SessionQueries } from './session-queries.js';

/** Of what reads no data: all that one request may ask for go into one statement. */
const MOST_UNREAD = 256;

/** In characters: what takes PostgreSQL milliseconds to parse, or to unpack and pack, must hold up no others. */
const LARGE = 8_192;

/** How many characters of data go into one statement with small sessions. */
const MOST_TOGETHER = 128 * 1024;

/** Where requests to write wait: one queue, or several. */
type Writer<Request extends WriteRequest, Outcome> = Pick<WriteBatcher<Request, Outcome>, 'write'>;

/** The queues in front of the statements: what waits in one goes together. */
export interface Queues {
  readonly finds: LookupBatcher<StoredSession>;
  /** Of requests with several credentials, which must hold up no others. */
  readonly secrets: LookupBatcher<SessionSecrets>;
  /** Of rows that were locked when they were to be: to ask for all together takes one connection, to try each takes one each. */
  readonly held: LookupBatcher<{ readonly id: SessionId }>;
  readonly creations: Writer<CreateRequest, StoredSession>;
  readonly commits: Writer<CommitRequest, CommitOutcome>;
  readonly logins: Writer<LoginRequest, StoredSession | null>;
  readonly deletions: WriteBatcher<DeleteRequest, boolean>;
  readonly renewals: RenewalBuffer;
}

/** What may be under way beside the batches, with so many connections at most: most of them are for what nothing is the matter with. */
export function slotsOf(connections: number | null): Slots {
  return new Slots(Math.max(1, Math.min(MOST_PIECES, Math.floor(((connections ?? Infinity) - 2) / 2))));
}

/**
 * @param flushEvery how long renewals are collected, in milliseconds
 * @param slots for what is sent beside the batches of all queues
 */
export function queuesOf(
  queries: SessionQueries,
  flushEvery: number,
  slots: Slots,
  listener: StoreListener,
  { queues: meters }: StoreMeter,
): Queues {
  const now = (): number => queries.time();
  const { lengths } = queries;
  /** At most: what they replace is not known, and the answer says. */
  const noteChanges = (id: SessionId, changes: DataChanges | null): void => {
    lengths.note(id, lengths.of(id) + lengthOf(changes));
  };
  const findMany = async (ids: readonly SessionId[], deadline: number): Promise<StoredSession[]> => {
    const found = await queries.lookups.findMany(ids, deadline);
    // Of a corrupt row it may be null.
    for (const { id, data } of found) lengths.note(id, (data as string | null)?.length ?? 0);
    return found;
  };
  return {
    finds: new LookupBatcher({ now, findMany }, meters.find),
    secrets: new LookupBatcher(
      { now, findMany: (ids, deadline) => queries.lookups.secretsOf(ids, deadline) },
      new QueueMeter('find'),
      { sessions: MOST_UNREAD, underWay: 1 },
    ),
    held: new LookupBatcher(
      { now, findMany: (ids, deadline) => queries.lookups.heldOf(ids, deadline) },
      new QueueMeter('find'),
      { sessions: MOST_UNREAD, underWay: 1 },
    ),
    creations: lanesOf<CreateRequest, StoredSession>(
      {
        operation: 'create a session',
        now,
        write: (requests) => queries.create(requests),
        meter: meters.create,
        slots,
      },
      ({ id, session }) => lengths.note(id, session.data.length),
      ({ session: { data, auth } }) => data.length + (auth?.length ?? 0),
    ),
    commits: lanesOf<CommitRequest, CommitOutcome>(
      {
        operation: 'save a session',
        now,
        write: (requests) => queries.commit(requests),
        fold: foldCommits,
        meter: meters.commit,
        slots,
      },
      ({ id, changes }) => noteChanges(id, changes.data),
      ({ id }) => lengths.of(id),
    ),
    logins: lanesOf<LoginRequest, StoredSession | null>(
      { operation: 'log in', now, write: (requests) => queries.login(requests), meter: meters.login, slots },
      ({ id, login }) => noteChanges(id, login.changes),
      ({ id, login }) => lengths.of(id) + (login.auth?.length ?? 0),
    ),
    deletions: new WriteBatcher({
      operation: 'end a session',
      now,
      write: (requests) => queries.delete(requests),
      meter: meters.delete,
      slots,
    }),
    renewals: new RenewalBuffer(queries, flushEvery, listener, meters.renew),
  };
}

/**
 * A queue for what is small, and one for what is large, which must hold up nothing else.
 *
 * @param note what is known of a session from a request on
 * @param lengthOf in characters
 */
function lanesOf<Request extends WriteRequest, Outcome>(
  target: WriteTarget<Request, Outcome>,
  note: (request: Request) => void,
  lengthOf: (request: Request) => number,
): Writer<Request, Outcome> {
  const small = new WriteBatcher({ ...target, partOf: (request) => lengthOf(request) / MOST_TOGETHER });
  const large = new WriteBatcher(target);
  return {
    write: (request) => {
      note(request);
      return (lengthOf(request) > LARGE ? large : small).write(request);
    },
  };
}
