import { LRUCache } from 'lru-cache';
import type { SessionId } from '../../session/token.js';
import type { Run } from './attempts.js';
import type { Keys } from './keys.js';
import type { Pieces } from './pieces.js';
import type { Ownership } from './session-commands.js';
import type { ScriptRunner } from './script-runner.js';
import { ADD, LIST, REMOVE } from './scripts/index-scripts.js';
import { CONFIRM, LOOK } from './scripts/session-scripts.js';

/** In milliseconds. An entry is made before its session, which may still be on its way. */
const ON_ITS_WAY = 60_000;
/** How often a session that is in use is entered again, as a failover may have lost its entry: in milliseconds. */
const AGAIN_AFTER = 5 * 60_000;
/** How many sessions are remembered as entered. */
const MOST_REMEMBERED = 20_000;
/** How many users are remembered as those whose list was looked through. */
const MOST_TIDIED = 1_000;
/** How many sessions of a user are looked at together. */
const TOGETHER = 200;

/** From so many entries on a list is looked through for stale ones, each time that it has got twice as long, but not every few minutes. */
const LONG = 256;

/** What the list of a user has of a session. */
export interface Entry {
  readonly id: SessionId;
  /** That of the session. */
  readonly key: string;
  /** When it was made, or when the session began: as the list has it. */
  readonly enteredAt: string;
  /** Whether the session is there, if it ever was to be. */
  readonly isSettled: boolean;
}

/** A session of a user, as it was when it was looked at. Times are milliseconds of its node's clock. */
export interface UserSession {
  readonly id: SessionId;
  readonly key: string;
  readonly generation: number;
  /** `null`: its user did not sign in. */
  readonly authenticatedAt: number | null;
  readonly readAt: number;
}

/**
 * Which sessions a user has: a list for each user. As it lies with another node than they do, it may have more (what has ended,
 * or has another user now) and, after a failover, less. So each entry is verified when it is read, an entry is made before its
 * session, and made again while the session is in use.
 */
export class UserIndex {
  readonly #runner: ScriptRunner;
  readonly #keys: Keys;
  /** How long the engine keeps what has expired, in milliseconds. */
  readonly #slack: number;
  readonly #piecesOf: (operation: string) => Pieces;
  readonly #entered = new LRUCache<SessionId, string>({ max: MOST_REMEMBERED, ttl: AGAIN_AFTER });
  /** Users who sign in and out may have so long a list again and again. */
  readonly #tidied = new LRUCache<string, true>({ max: MOST_TIDIED, ttl: AGAIN_AFTER });
  readonly #pending = new Set<Promise<void>>();

  constructor(runner: ScriptRunner, keys: Keys, slack: number, piecesOf: (operation: string) => Pieces) {
    this.#runner = runner;
    this.#keys = keys;
    this.#slack = slack;
    this.#piecesOf = piecesOf;
  }

  /** Before the session is stored. @param ttl its idle timeout, in milliseconds */
  async add(userId: string, id: SessionId, ttl: number, run: Run): Promise<void> {
    await this.#add(userId, id, '', ttl, { ...run, isRepeatable: true });
    this.#entered.set(id, userId);
  }

  /**
   * Makes sure that a session in use is entered, now and then. Does not wait; where it fails, the next use tries again.
   *
   * @param isLonger whether its lifetime may be longer than it was
   */
  keep(id: SessionId, { userId, startedAt, ttl }: Ownership, isLonger: boolean): void {
    if (userId === '' || (!isLonger && this.#entered.get(id) === userId)) return;
    this.#entered.set(id, userId);
    const run = { operation: 'list the sessions of a user', deadline: this.#runner.deadline(), isRepeatable: true };
    const entering = this.#add(userId, id, startedAt, ttl, run).catch(() => {
      this.#entered.delete(id);
    });
    this.#note(entering);
  }

  /**
   * Takes out sessions that have ended for good. Never rejects: an entry too many does no harm.
   *
   * @param pieces as part of which: where they know the list to be with a silent primary, it is not asked
   */
  async remove(userId: string, ids: readonly SessionId[], pieces?: Pieces): Promise<void> {
    if (userId === '' || ids.length === 0) return;
    for (const id of ids) this.#entered.delete(id);
    await this.#remove(
      userId,
      ids.flatMap((id) => [id, '']),
      pieces,
    );
  }

  /** All that the list of a user has, some at a time. */
  async *entriesOf(
    userId: string,
    operation: string,
    first: 'oldest' | 'newest' = 'oldest',
  ): AsyncGenerator<readonly Entry[]> {
    const { values, now } = await this.#runner.run(LIST, this.#keys.user(userId), [], this.#reading(operation));
    const list = values[0] as string[];
    const entries: Entry[] = [];
    for (let index = 0; index < list.length; index += 2) {
      const [id, enteredAt] = [list[index] as string, list[index + 1] as string];
      entries.push({ id, key: this.#keys.session(id), enteredAt, isSettled: Number(enteredAt) < now - ON_ITS_WAY });
    }
    if (first === 'newest') entries.reverse();
    for (let from = 0; from < entries.length; from += TOGETHER) yield entries.slice(from, from + TOGETHER);
  }

  /** The live sessions of a user, in the order in which they began, as far as they can be looked at. */
  async sessionsOf(userId: string, pieces: Pieces): Promise<UserSession[]> {
    const live: UserSession[] = [];
    for await (const entries of this.entriesOf(userId, pieces.operation)) {
      const looks = await pieces.run(entries, { isRepeatable: true }, ({ key }, run) =>
        this.#runner.run(LOOK, key, [], run),
      );
      const stale: Entry[] = [];
      for (const { item, result, isDone, isSure } of looks) {
        const [owner, generation, authenticatedAt] = (result?.values ?? []) as string[];
        if (result !== null && isDone && owner === userId) {
          live.push({
            id: item.id,
            key: item.key,
            generation: Number(generation),
            authenticatedAt: authenticatedAt === '' ? null : Number(authenticatedAt),
            readAt: result.now,
          });
        } else if (isSure) stale.push(item);
      }
      await this.forget(userId, stale, pieces);
    }
    return live;
  }

  /** Takes out entries of what is not the user's, as far as their sessions are not still on their way. Never rejects. */
  async removeStale(userId: string, entries: readonly Entry[], pieces: Pieces): Promise<void> {
    const settled = entries.filter(({ isSettled }) => isSettled);
    if (settled.length === 0) return;
    await this.#remove(
      userId,
      settled.flatMap(({ id, enteredAt }) => [id, enteredAt]),
      pieces,
    );
  }

  /**
   * The same with what was found not to be the user's. Its end may not have been confirmed, and who ends it once more finds it by
   * its entry: so that goes once replicas have confirmed it, and nothing waits for them. Never rejects.
   */
  async forget(userId: string, stale: readonly Entry[], pieces: Pieces): Promise<void> {
    if (!this.#runner.waitsForReplicas) return this.removeStale(userId, stale, pieces);
    const settled = stale.filter(({ isSettled }) => isSettled);
    const confirming = this.#piecesOf(pieces.operation).run(
      settled,
      { isRepeatable: true, isDurable: true },
      ({ key }, run) => this.#runner.run(CONFIRM, key, [userId], run),
    );
    const forgetting = confirming.then((outcomes) => {
      const confirmed = outcomes.filter(({ isDone, isSure }) => isDone && isSure);
      return this.removeStale(
        userId,
        confirmed.map(({ item }) => item),
        pieces,
      );
    });
    this.#note(forgetting);
  }

  /** Waits for entries that are still being made, or taken out. */
  async close(): Promise<void> {
    await Promise.all(this.#pending);
  }

  async #add(userId: string, id: SessionId, startedAt: string, ttl: number, run: Run): Promise<void> {
    const keep = Math.max(0, ttl) + this.#slack + 2 * AGAIN_AFTER;
    const args = [id, startedAt, String(keep)];
    const { values } = await this.#runner.run(ADD, this.#keys.user(userId), args, run);
    if (isLong(Number(values[0])) && !this.#tidied.has(userId)) this.#tidy(userId);
  }

  /** To read the list takes out what is stale. Does not wait: what fails is done when the list is twice as long. */
  #tidy(userId: string): void {
    this.#tidied.set(userId, true);
    const reading = this.sessionsOf(userId, this.#piecesOf('list the sessions of a user'));
    this.#note(
      reading.then(
        () => {},
        () => {},
      ),
    );
  }

  #note(work: Promise<void>): void {
    this.#pending.add(work);
    void work.then(() => this.#pending.delete(work));
  }

  /** @param entries each id, and the moment under which it is there; an empty text for any */
  async #remove(userId: string, entries: readonly string[], pieces?: Pieces): Promise<void> {
    const key = this.#keys.user(userId);
    if (pieces?.isSilent(key) === true) return;
    const run = this.#reading('list the sessions of a user');
    await this.#runner.run(REMOVE, key, entries, run).catch(() => {});
  }

  #reading(operation: string): Run {
    return { operation, deadline: this.#runner.deadline(), isRepeatable: true };
  }
}

function isLong(count: number): boolean {
  return count >= LONG && (count & (count - 1)) === 0;
}
