import { SessionStoreUnavailableError } from '../../session.errors.js';
import { FIRST_PAUSE, longerPause, paused } from '../batching/backoff.js';
import {
  ConnectionLost,
  FromReplica,
  NotSent,
  type RedisConnections,
  type RedisNode,
  RedisRefusal,
} from './connections.js';
import { type NodeClock, NodeClocks } from './node-clocks.js';
import { ArrivedLate, GivenUp, type OperationClock } from './operation-clock.js';

/** What a script says. */
export interface Answer {
  readonly status: string;
  readonly values: readonly unknown[];
  /** The clock of its node, in milliseconds. */
  readonly now: number;
}

/** What is asked for, and how. */
export interface Run {
  /** What it is for, to follow "the session store could not …". */
  readonly operation: string;
  /** A moment of the clock of deadlines. */
  readonly deadline: number;
  /** Whether it changes nothing, or nothing more when it runs again: then it is sent again where a connection ends. */
  readonly isRepeatable?: boolean;
  /** Whether it waits for as many replicas as were asked for. */
  readonly isDurable?: boolean;
  /** Hears what the script says before replicas are waited for. */
  readonly hears?: ((answer: Answer) => void) | undefined;
}

/** What a node refuses before it has done anything, and takes a moment later, as a cluster fails over or slots move. */
const FOR_A_MOMENT = new Set([
  'CLUSTERDOWN',
  'TRYAGAIN',
  'LOADING',
  'MASTERDOWN',
  'READONLY',
  'NOREPLICAS',
  'BUSY',
  'NOSCRIPT',
]);

/** Where something is to be asked: where the key is, or where a node says that it is. */
export interface Target {
  address: string | null;
  /** Whether the script is to be told. */
  isUnknown: boolean;
}

/** Where it is asked, then. */
interface Place {
  readonly node: RedisNode;
  readonly clock: NodeClock;
  /** Whether to say `ASKING` before. */
  readonly isAsked: boolean;
}

/** Attempts at what one node is to do, until one succeeds, or the deadline. */
export class Attempts {
  readonly clocks = new NodeClocks();
  readonly #operations: OperationClock;

  constructor(operations: OperationClock) {
    this.#operations = operations;
  }

  /** Every failure is a {@link SessionStoreUnavailableError}. */
  async untilDone<Result>(
    connections: RedisConnections,
    key: string,
    run: Run,
    attempt: (target: Target) => Promise<Result>,
  ): Promise<Result> {
    const target: Target = { address: null, isUnknown: false };
    try {
      for (let pause = FIRST_PAUSE; ; pause = longerPause(pause)) {
        try {
          return await attempt(target);
        } catch (error) {
          if (!(await this.#mayGoOn(error, connections, key, target, run))) throw error;
          if (!isRedirection(error) && !(await paused(pause, run.deadline - this.#operations.now()))) throw error;
        }
      }
    } catch (error) {
      throw new SessionStoreUnavailableError(run.operation, { cause: causeOf(error) });
    }
  }

  /** The node of a key, with its clock, and whether it is only to be asked as another one said so. */
  async placeOf(connections: RedisConnections, key: string, deadline: number, target: Target): Promise<Place> {
    const found = await this.until(connections, deadline, null, this.#nodeFor(connections, key, target));
    return { ...found, clock: await this.clockOf(connections, found.node, deadline) };
  }

  async #nodeFor(connections: RedisConnections, key: string, target: Target): Promise<Omit<Place, 'clock'>> {
    const { address } = target;
    target.address = null;
    const asked = address === null ? null : await connections.nodeAt(address);
    if (asked !== null) return { node: asked, isAsked: true };
    // One that has joined since.
    if (address !== null) await connections.refresh(key);
    return { node: await connections.nodeOf(key), isAsked: false };
  }

  /** The clock of a node: asked for before anything is sent there with a deadline. */
  async clockOf(connections: RedisConnections, node: RedisNode, deadline: number): Promise<NodeClock> {
    return this.clocks.of(node) ?? this.until(connections, deadline, node, this.readClock(node));
  }

  async readClock(node: RedisNode): Promise<NodeClock> {
    const { epoch } = node;
    const [seconds, microseconds] = (await node.send(['TIME'])) as string[];
    return this.clocks.observe(node, epoch, Number(seconds) * 1000 + Number(microseconds) / 1000);
  }

  /**
   * Until the deadline. A node that has said nothing at all meanwhile, or that cannot be connected to, may be gone, where it had a
   * fair time for it; and one that is a replica has given its place to another.
   */
  async until<Result>(
    connections: RedisConnections,
    deadline: number,
    node: RedisNode | null,
    answer: Promise<Result>,
    since = performance.now(),
  ): Promise<Result> {
    const hadFairTime = this.#operations.hasFairTime(deadline);
    try {
      return await this.#operations.until(deadline, answer);
    } catch (error) {
      const isSilent = error instanceof GivenUp && (node === null || node.answeredAt < since);
      if (isSilent && hadFairTime) connections.renew(node);
      if (node !== null && isOfReplica(error)) connections.demoted(node);
      throw error;
    }
  }

  /** Whether an operation that was refused, or not answered, may be tried once more. */
  async #mayGoOn(
    error: unknown,
    connections: RedisConnections,
    key: string,
    target: Target,
    { deadline, isRepeatable = false }: Run,
  ): Promise<boolean> {
    if (error instanceof NotSent || error instanceof FromReplica || error instanceof ArrivedLate) return true;
    if (error instanceof ConnectionLost) return isRepeatable;
    if (!(error instanceof RedisRefusal)) return false;
    if (error.code === 'ASK') {
      target.address = error.message.slice(error.message.lastIndexOf(' ') + 1);
      return true;
    }
    if (error.code === 'MOVED') {
      await this.until(connections, deadline, null, connections.refresh(key)).catch(() => {});
      return this.#operations.now() < deadline;
    }
    target.isUnknown = error.code === 'NOSCRIPT';
    return isForAMoment(error);
  }
}

export function isForAMoment({ code }: RedisRefusal): boolean {
  return FOR_A_MOMENT.has(code);
}

function isOfReplica(error: unknown): boolean {
  return (
    error instanceof FromReplica || (error instanceof RedisRefusal && ['READONLY', 'MASTERDOWN'].includes(error.code))
  );
}

function isRedirection(error: unknown): boolean {
  return error instanceof RedisRefusal && ['ASK', 'MOVED', 'NOSCRIPT'].includes(error.code);
}

/** What Redis says names commands, users and keys, and quotes no value. */
export function causeOf(error: unknown): unknown {
  if (error instanceof SessionStoreUnavailableError) return error.cause;
  if (error instanceof RedisRefusal && error.code === 'OOM') {
    return new Error('the memory of Redis is full ("maxmemory"), and it takes nothing new; ending sessions goes on', {
      cause: error,
    });
  }
  return error;
}
