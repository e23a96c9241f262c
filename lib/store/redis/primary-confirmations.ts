import type { Attempts } from './attempts.js';
import { NotSent, type RedisConnections, type RedisNode, RedisRefusal } from './connections.js';
import type { OperationClock } from './operation-clock.js';
import { replicationIdOf } from './replication-ids.js';
import { TOUCH } from './scripts/session-scripts.js';

/** The share of its time that a primary has left to say that replicas have not confirmed: Redis looks for that ten times a second. */
const FOR_THE_ANSWER = 1 / 3;
const LONGEST_ANSWER = 150;
/** A deadline, as scripts take it: what changes nothing may be late. */
const ANY_TIME = '1e300';
/** The command that writes something, and changes nothing. */
export const touching = (key: string): readonly string[] => ['EVAL', TOUCH.text, '1', key, ANY_TIME];

/** A write that too few replicas have, or of which that is not known: it was carried out, and must not be again for that. */
export class NotConfirmed extends Error {
  override readonly name = 'NotConfirmed';
}

/** The primary is not to be reached by its name: there may be another in its place. */
export class NotReached extends NotSent {}

/** What it takes to wait for replicas. */
export interface Durability {
  /** On which they are waited for, and nothing else is asked. */
  readonly connections: RedisConnections;
  readonly replicas: number;
}

/** What a script has written. */
export interface Written {
  /** Where, on a connection that waits for no replica. */
  readonly node: RedisNode;
  /** As it was before; `null`: it is not known. */
  readonly replicationId: string | null;
  readonly place: Place;
  /** Leaves the connection that it was written on for another one. */
  renew(): void;
}

/** Where it was written. */
interface Place {
  readonly key: string;
  /** Whether the node has the slot only for what says `ASKING`. */
  readonly isAsked: boolean;
}

interface Waiting extends Written {
  readonly deadline: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Has the replicas of one primary confirm what was written there, by group commit: one confirmation is under way at a time, and what is
 * written meanwhile goes with the next. `WAIT` looks at what its own connection has written, and holds up what is sent behind it: so
 * a connection of its own writes something, which comes behind all that was answered before, and waits for that.
 */
export class PrimaryConfirmations {
  readonly #name: string;
  readonly #durability: Durability;
  readonly #operations: OperationClock;
  readonly #attempts: Attempts;
  #waiting: Waiting[] = [];
  #isUnderWay = false;
  /** Where it was written last. */
  #known: Place | null = null;

  constructor(name: string, durability: Durability, operations: OperationClock, attempts: Attempts) {
    this.#name = name;
    this.#durability = durability;
    this.#operations = operations;
    this.#attempts = attempts;
  }

  /** It may be left unsettled once its deadline is past. @throws {NotConfirmed} and what a node throws that could not be asked */
  confirm(written: Written, deadline: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ ...written, deadline, resolve, reject });
    if (!this.#isUnderWay) void this.#confirmAll();
    return promise;
  }

  async #confirmAll(): Promise<void> {
    this.#isUnderWay = true;
    while (this.#waiting.length > 0) {
      const now = this.#operations.now();
      const group = this.#waiting.splice(0).filter(({ deadline }) => deadline > now);
      await this.#confirmGroup(group).catch((error: unknown) => {
        for (const { reject } of group) reject(error);
      });
    }
    this.#isUnderWay = false;
  }

  async #confirmGroup(group: readonly Waiting[]): Promise<void> {
    const [first, last] = [group[0], group.at(-1)];
    if (first === undefined || last === undefined) return;
    const deadline = Math.max(...group.map((one) => one.deadline));
    const places = [this.#known, first.place, last.place].filter((place) => place !== null);
    const { node, replicationId } = await this.#asked(places, deadline);
    for (const one of group) {
      if (one.replicationId === replicationId) one.resolve();
      else {
        // Its address leads elsewhere by now, or did then.
        this.#durability.connections.renew(node);
        one.renew();
        one.reject(new NotConfirmed(`${this.#name} is another server by now, or was a replica meanwhile`));
      }
    }
  }

  /** @param places to write to, one of them: a slot that is on its way to another primary may be refused */
  async #asked(
    places: readonly Place[],
    deadline: number,
  ): Promise<{ readonly node: RedisNode; readonly replicationId: string }> {
    let refusal: RedisRefusal | null = null;
    for (const place of places) {
      const node = await this.#attempts.until(this.#durability.connections, deadline, null, this.#nodeFor(place));
      try {
        const replicationId = await this.#ask(node, place, deadline);
        this.#known = place;
        return { node, replicationId };
      } catch (error) {
        if (!(error instanceof RedisRefusal)) throw error;
        refusal = error;
      }
    }
    // A slot is on its way for a moment.
    if (refusal?.code === 'ASK') throw new NotSent(refusal.message);
    throw refusal?.code === 'MOVED' ? this.#notTold(refusal) : refusal;
  }

  async #nodeFor({ key }: Place): Promise<RedisNode> {
    const { connections } = this.#durability;
    try {
      const known = await connections.nodeAt(this.#name);
      if (known !== null) return known;
      // One that has joined since.
      await connections.refresh(key);
      const node = await connections.nodeAt(this.#name);
      if (node !== null) return node;
      throw new NotReached(`${this.#name} is not known to be in the cluster`);
    } catch (error) {
      // The other connections, on which it was written, know the cluster better.
      connections.renew(null);
      throw error instanceof NotSent ? new NotReached(error.message) : error;
    }
  }

  /** @returns its replication ID once replicas have confirmed all that was answered before. What is sent together stays together. */
  async #ask(node: RedisNode, { key, isAsked }: Place, deadline: number): Promise<string> {
    const left = deadline - this.#operations.now();
    const limit = Math.max(1, Math.floor(left - Math.min(left * FOR_THE_ANSWER, LONGEST_ANSWER)));
    const asking = isAsked ? node.send(['ASKING']) : null;
    const writing = node.send(touching(key));
    const waiting = node.send(['WAIT', String(this.#durability.replicas), String(limit)]);
    const identifying = replicationIdOf(node);
    const sentAt = performance.now();
    for (const beside of [asking, waiting, identifying]) beside?.catch(() => {});
    const answer = async <Answer>(one: Promise<Answer>): Promise<Answer> =>
      this.#attempts.until(this.#durability.connections, deadline, node, one, sentAt);
    await answer(writing);
    const told = async <Answer>(one: Promise<Answer>): Promise<Answer> =>
      answer(one).catch((error: unknown) => {
        throw error instanceof RedisRefusal ? this.#notTold(error) : error;
      });
    const replicas = Number(await told(waiting));
    if (replicas < this.#durability.replicas) {
      throw new NotConfirmed(
        `${replicas} of ${this.#durability.replicas} replicas of ${this.#name} have confirmed it in time`,
      );
    }
    return told(identifying);
  }

  #notTold(refusal: unknown): NotConfirmed {
    return new NotConfirmed(`${this.#name} does not say whether replicas have it: ${String(refusal)}`, {
      cause: refusal,
    });
  }
}
