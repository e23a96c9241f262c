import { SessionStoreUnavailableError } from '../../session.errors.js';
import { FIRST_PAUSE, longerPause, paused } from '../batching/backoff.js';
import { StoreClock } from '../store-clock.js';
import {
  ConnectionLost,
  FromReplica,
  NotSent,
  type RedisConnections,
  type RedisNode,
  RedisRefusal,
} from './connections.js';
import { GivenUp, OperationClock } from './operation-clock.js';
import type { Script } from './scripts/script.js';

/** What a script says. */
export interface Answer {
  readonly status: string;
  readonly values: readonly unknown[];
  /** The clock of its node, in milliseconds. */
  readonly now: number;
}

/** How a script is run. */
export interface Run {
  /** What it is for, to follow "the session store could not …". */
  readonly operation: string;
  /** A moment of {@link ScriptRunner.time}. */
  readonly deadline: number;
  /** Whether it changes nothing, or nothing more when it runs again: then it is sent again where a connection ends. */
  readonly isRepeatable?: boolean;
  /** Whether it waits for as many replicas as were asked for. */
  readonly isDurable?: boolean;
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

/** What a script says that has written. */
const WRITTEN = new Set(['ok', 'absent']);

/** The share of its time that a primary has left to say that replicas have not confirmed: Redis looks for that ten times a second. */
const FOR_THE_ANSWER = 1 / 3;
const LONGEST_ANSWER = 150;

/** A write that too few replicas have. */
class TooFewReplicas extends Error {
  override readonly name = 'TooFewReplicas';
}

/** Where a script is to be run: where the key is, or where a node says that it is. */
interface Target {
  address: string | null;
  isUnknown: boolean;
}

/**
 * Runs scripts where their keys are, each until its deadline, and reads the clocks of the nodes from the answers. A script that
 * arrives late does nothing, so that what was given up is not written later. Every failure is a
 * {@link SessionStoreUnavailableError}.
 */
export class ScriptRunner {
  readonly #connections: RedisConnections;
  /** On which a client may wait for replicas: on the others, what is sent behind it would wait as well. */
  readonly #durable: RedisConnections;
  readonly #replicas: number;
  readonly #operations: OperationClock;
  readonly #clock = new StoreClock();
  readonly #clocks = new WeakMap<RedisNode, { readonly epoch: number; readonly clock: StoreClock }>();

  /** @param durable for what waits for replicas; the same where nothing does */
  constructor(connections: RedisConnections, durable: RedisConnections, replicas: number, queryTimeout: number) {
    this.#connections = connections;
    this.#durable = durable;
    this.#replicas = replicas;
    this.#operations = new OperationClock(queryTimeout);
  }

  /** Whether there is anything that waits for replicas. */
  get waitsForReplicas(): boolean {
    return this.#replicas > 0;
  }

  /** The clock of the node that is furthest ahead, in milliseconds since the epoch. */
  now(): number {
    return this.#clock.now();
  }

  /** The clock of deadlines, in milliseconds. */
  time(): number {
    return this.#operations.now();
  }

  deadline(): number {
    return this.#operations.deadline();
  }

  /** The deadline at a moment of the store's clock, as things stand. */
  deadlineAt(moment: number): number {
    return this.time() + moment - this.now();
  }

  close(): void {
    this.#operations.close();
  }

  async run(script: Script, key: string, args: readonly string[], run: Run): Promise<Answer> {
    const target: Target = { address: null, isUnknown: false };
    const isDurable = run.isDurable === true && this.#replicas > 0;
    const connections = isDurable ? this.#durable : this.#connections;
    try {
      for (let pause = FIRST_PAUSE; ; pause = longerPause(pause)) {
        try {
          return await this.#once(connections, script, key, args, run.deadline, target, isDurable);
        } catch (error) {
          if (!(await this.#mayGoOn(error, connections, key, target, run))) throw error;
          if (!isRedirection(error) && !(await paused(pause, run.deadline - this.time()))) throw error;
        }
      }
    } catch (error) {
      throw new SessionStoreUnavailableError(run.operation, { cause: causeOf(error) });
    }
  }

  /** The same at many keys, all at once: what each says, or why it failed. */
  runAll(
    script: Script,
    keys: readonly string[],
    args: readonly string[],
    run: Run,
  ): Promise<PromiseSettledResult<Answer>[]> {
    return Promise.allSettled(keys.map((key) => this.run(script, key, args, run)));
  }

  /** Each primary there is. @throws {SessionStoreUnavailableError} */
  primaries(operation: string): Promise<RedisNode[]> {
    return this.#inTime(operation, this.#connections.primaries());
  }

  /** A key on each of them. @throws {SessionStoreUnavailableError} */
  keyOnEach(operation: string, keyOf: (number: number) => string): Promise<string[]> {
    return this.#inTime(operation, this.#connections.keyOnEach(keyOf));
  }

  /** A command for a node. @throws {SessionStoreUnavailableError} */
  ask(operation: string, node: RedisNode, command: readonly string[]): Promise<unknown> {
    return this.#inTime(operation, node.send(command));
  }

  /** Reads the clocks of all primaries. */
  async readClocks(operation: string): Promise<void> {
    const deadline = this.deadline();
    await Promise.all((await this.primaries(operation)).map(async (node) => this.#clockOf(node, deadline)));
  }

  async #inTime<Result>(operation: string, answer: Promise<Result>): Promise<Result> {
    try {
      return await this.#operations.until(this.deadline(), answer);
    } catch (error) {
      throw new SessionStoreUnavailableError(operation, { cause: causeOf(error) });
    }
  }

  async #once(
    connections: RedisConnections,
    script: Script,
    key: string,
    args: readonly string[],
    deadline: number,
    target: Target,
    isDurable: boolean,
  ): Promise<Answer> {
    const { node, isAsked } = await this.#until(connections, deadline, null, this.#nodeFor(connections, key, target));
    const clock = await this.#clockOf(node, deadline, connections);
    const left = deadline - this.time();
    const given = ['1', key, (clock.now() + left).toFixed(3), ...args];
    const command = target.isUnknown ? ['EVAL', script.text, ...given] : ['EVALSHA', script.sha, ...given];
    // What is sent together stays together.
    const proof = script.isReading ? connections.proof(node) : null;
    const asking = isAsked ? node.send(['ASKING']) : null;
    const answering = node.send(command);
    const waiting = isDurable ? this.#waitOn(node, left) : null;
    const sentAt = performance.now();
    for (const beside of [asking, proof]) beside?.catch(() => {});
    const reply = (await this.#until(connections, deadline, node, answering, sentAt)) as unknown[];
    if (proof !== null) await this.#until(connections, deadline, node, proof, sentAt);
    const [now, status, ...values] = reply;
    const answer = { now: Number(now), status: String(status), values };
    clock.observe(answer.now);
    this.#clock.observe(answer.now);
    if (answer.status === 'late') throw new GivenUp('it reached Redis too late');
    if (waiting !== null && WRITTEN.has(answer.status)) {
      const replicas = await this.#until(connections, deadline, node, waiting, sentAt);
      if (replicas < this.#replicas) {
        throw new TooFewReplicas(`${replicas} of ${this.#replicas} replicas of ${node.name} have confirmed it in time`);
      }
    }
    return answer;
  }

  async #nodeFor(
    connections: RedisConnections,
    key: string,
    target: Target,
  ): Promise<{ readonly node: RedisNode; readonly isAsked: boolean }> {
    const { address } = target;
    target.address = null;
    const asked = address === null ? null : await connections.nodeAt(address);
    if (asked !== null) return { node: asked, isAsked: true };
    // One that has joined since.
    if (address !== null) await connections.refresh(key);
    return { node: await connections.nodeOf(key), isAsked: false };
  }

  /** How many replicas have all that was written on the connection before. */
  #waitOn(node: RedisNode, left: number): Promise<number> {
    const limit = Math.max(1, Math.floor(left - Math.min(left * FOR_THE_ANSWER, LONGEST_ANSWER)));
    const waiting = node.send(['WAIT', String(this.#replicas), String(limit)]).then(Number);
    // Where the script fails, nothing waits for this.
    waiting.catch(() => {});
    return waiting;
  }

  /** Whether an operation that was refused, or not answered, may be tried once more. */
  async #mayGoOn(
    error: unknown,
    connections: RedisConnections,
    key: string,
    target: Target,
    { deadline, isRepeatable = false }: Run,
  ): Promise<boolean> {
    if (error instanceof NotSent || error instanceof FromReplica) return true;
    if (error instanceof ConnectionLost) return isRepeatable;
    if (!(error instanceof RedisRefusal)) return false;
    if (error.code === 'ASK') {
      target.address = error.message.slice(error.message.lastIndexOf(' ') + 1);
      return true;
    }
    if (error.code === 'MOVED') {
      await this.#until(connections, deadline, null, connections.refresh(key)).catch(() => {});
      return this.time() < deadline;
    }
    target.isUnknown = error.code === 'NOSCRIPT';
    return FOR_A_MOMENT.has(error.code);
  }

  /** The clock of a node, estimated: asked for before anything is sent there with a deadline. */
  async #clockOf(node: RedisNode, deadline: number, connections = this.#connections): Promise<StoreClock> {
    const known = this.#clocks.get(node);
    if (known?.epoch === node.epoch) return known.clock;
    const { epoch } = node;
    const [seconds, microseconds] = (await this.#until(connections, deadline, node, node.send(['TIME']))) as string[];
    const clock = new StoreClock();
    const now = Number(seconds) * 1000 + Number(microseconds) / 1000;
    clock.observe(now);
    this.#clock.observe(now);
    this.#clocks.set(node, { epoch, clock });
    return clock;
  }

  /**
   * Until the deadline. A node that has said nothing at all meanwhile, or that cannot be connected to, may be gone, and one that is a
   * replica has given its place to another.
   */
  async #until<Result>(
    connections: RedisConnections,
    deadline: number,
    node: RedisNode | null,
    answer: Promise<Result>,
    since = performance.now(),
  ): Promise<Result> {
    try {
      return await this.#operations.until(deadline, answer);
    } catch (error) {
      if (error instanceof GivenUp && (node === null || node.answeredAt < since)) connections.renew(node?.name ?? null);
      if (node !== null && isOfReplica(error)) connections.demoted(node);
      throw error;
    }
  }
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
function causeOf(error: unknown): unknown {
  if (error instanceof SessionStoreUnavailableError) return error.cause;
  if (error instanceof RedisRefusal && error.code === 'OOM') {
    return new Error('the memory of Redis is full ("maxmemory"), and it takes nothing new; ending sessions goes on', {
      cause: error,
    });
  }
  return error;
}
