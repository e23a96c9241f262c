import type { SessionChanges } from '../../session/data/changes.js';
import { foldChanges } from '../../session/data/merge.js';
import type { CommittedTimes } from '../../session-store.js';
import type { FoundValues } from '../../session/data/found-values.js';
import type { WriteRequest } from './write-batcher.js';

/** Changes to one session, on their way to the database. */
export interface CommitRequest extends WriteRequest {
  readonly generation: number;
  readonly changes: SessionChanges;
  /** What the data must still say for the changes to be written; `null` for anything. */
  readonly found: FoundValues | null;
}

/** What became of it: the times after the commit; `changed`: what was found is not there any more; `null`: the session is gone. */
export type CommitOutcome = CommittedTimes | 'changed' | null;

/** One request for two; `null` when they must go one after the other. */
export function foldCommits(first: CommitRequest, then: CommitRequest): CommitRequest | null {
  if (first.generation !== then.generation) return null;
  if (first.found !== null || then.found !== null) return null;
  if (first.changes.lifetime !== null && then.changes.lifetime !== null) return null;
  const [one, two] = [first.changes.data, then.changes.data];
  const data = one === null || two === null ? (one ?? two) : foldChanges(one, two);
  // Neither is null then, and they do not fold.
  if (data === null && one !== null) return null;
  return {
    id: first.id,
    generation: first.generation,
    found: null,
    changes: {
      data,
      lifetime: then.changes.lifetime ?? first.changes.lifetime,
      renew: first.changes.renew || then.changes.renew,
    },
    deadline: Math.min(first.deadline, then.deadline),
  };
}
