import { SessionStoreUnavailableError } from '../../session.errors.js';
import type { LostTime } from '../lost-time.js';
import { type Answer, Attempts, causeOf, type Run, type Target } from './attempts.js';
import { Confirmations } from './confirmations.js';
import { NotSent, type RedisConnections, type RedisNode } from './connections.js';
import { ArrivedLate, OperationClock } from './operation-clock.js';
import type { Durability } from './primary-confirmations.js';
import { ReplicationIds } from './replication-ids.js';
import type { Script } from './scripts/script.js';

/** What a hash has. */
export interface Fields {
  /** Each field, and its value; none where there is no hash. */
  readonly fields: readonly string[];
  /** The clock of its node, in milliseconds: not before it was read. */
  readonly now: number;
}

/** What a script says that has written. */
const WRITTEN = new Set(['ok', 'absent']);

/** How many keys are tried to find one on each primary: enough for one that has one slot of 16,384. */
const MOST_KEYS = 200_000;

/**
 * Runs scripts where their keys are, each until its deadline, and reads the clocks of the nodes from the answers. A script that
 * arrives late does nothing, so that what was given up is not written later. Every failure is a
 * {@link SessionStoreUnavailableError}.
 */
export class ScriptRunner {
  readonly #connections: RedisConnections;
  readonly #operations: OperationClock;
  readonly #attempts: Attempts;
  readonly #confirmations: Confirmations | null;
  readonly #replicationIds = new ReplicationIds();

  /** @param durability `null`: nothing waits for replicas */
  constructor(connections: RedisConnections, durability: Durability | null, queryTimeout: number, lost: LostTime) {
    this.#connections = connections;
    this.#operations = new OperationClock(queryTimeout, lost);
    this.#attempts = new Attempts(this.#operations);
    this.#confirmations = durability && new Confirmations(durability, this.#operations, this.#attempts);
  }

  /** Whether there is anything that waits for replicas. */
  get waitsForReplicas(): boolean {
    return this.#confirmations !== null;
  }

  /** The clock of the node that is furthest ahead, in milliseconds since the epoch. */
  now(): number {
    return this.#attempts.clocks.now();
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

  run(script: Script, key: string, args: readonly string[], run: Run): Promise<Answer> {
    return this.#attempts.untilDone(this.#connections, key, run, (target) =>
      this.#once(script, key, args, run, target),
    );
  }

  /** All fields of a hash. By no script, which would take Redis three times as long: it changes nothing, so it may be late. */
  fieldsOf(key: string, run: Run): Promise<Fields> {
    return this.#attempts.untilDone(this.#connections, key, run, (target) => this.#read(key, run.deadline, target));
  }

  /** The names of all primaries that are known. */
  get primaries(): readonly string[] {
    return this.#connections.primaries;
  }

  /** The name of the primary that has a key; `null` where none is known. */
  primaryOf(key: string): string | null {
    return this.#connections.primaryOf(key);
  }

  /** A key on each of them, of many. */
  keyOnEach(keyOf: (number: number) => string): string[] {
    const left = new Set<string | null>(this.primaries);
    const keys: string[] = [];
    for (let number = 0; left.size > 0 && number < MOST_KEYS; number++) {
      const key = keyOf(number);
      if (left.delete(this.primaryOf(key))) keys.push(key);
    }
    return keys;
  }

  /** All primaries. @throws {SessionStoreUnavailableError} where one cannot be connected to */
  nodes(operation: string): Promise<RedisNode[]> {
    return this.#inTime(operation, Promise.all(this.primaries.map((name) => this.#nodeAt(name))));
  }

  /** A command for a primary. @throws {SessionStoreUnavailableError} */
  askAt(operation: string, name: string, command: readonly string[]): Promise<unknown> {
    return this.#inTime(
      operation,
      this.#nodeAt(name).then((node) => node.send(command)),
    );
  }

  /** A command for a node. @throws {SessionStoreUnavailableError} */
  ask(operation: string, node: RedisNode, command: readonly string[]): Promise<unknown> {
    return this.#inTime(operation, node.send(command));
  }

  /** Reads the clocks of all primaries. */
  async readClocks(operation: string): Promise<void> {
    const deadline = this.deadline();
    await Promise.all(
      (await this.nodes(operation)).map(async (node) => this.#attempts.clockOf(this.#connections, node, deadline)),
    );
  }

  async #nodeAt(name: string): Promise<RedisNode> {
    const node = await this.#connections.nodeAt(name);
    if (node !== null) return node;
    throw new NotSent(`${name} is not a primary any more`);
  }

  async #inTime<Result>(operation: string, answer: Promise<Result>): Promise<Result> {
    try {
      return await this.#operations.until(this.deadline(), answer);
    } catch (error) {
      throw new SessionStoreUnavailableError(operation, { cause: causeOf(error) });
    }
  }

  async #once(script: Script, key: string, args: readonly string[], run: Run, target: Target): Promise<Answer> {
    const connections = this.#connections;
    const { deadline } = run;
    const { node, clock, isAsked } = await this.#attempts.placeOf(connections, key, deadline, target);
    const { epoch } = node;
    const confirmations = run.isDurable === true ? this.#confirmations : null;
    const given = ['1', key, (clock.now() + deadline - this.time()).toFixed(3), ...args];
    const command = target.isUnknown ? ['EVAL', script.text, ...given] : ['EVALSHA', script.sha, ...given];
    // What is sent together stays together.
    const proof = script.isReading ? connections.proof(node) : null;
    const identifying = confirmations && this.#replicationIds.before(node);
    const asking = isAsked ? node.send(['ASKING']) : null;
    const answering = node.send(command);
    const sentAt = performance.now();
    for (const beside of [asking, proof]) beside?.catch(() => {});
    const reply = (await this.#attempts.until(connections, deadline, node, answering, sentAt)) as unknown[];
    if (proof !== null) await this.#attempts.until(connections, deadline, node, proof, sentAt);
    const [now, status, ...values] = reply;
    const answer = { now: Number(now), status: String(status), values };
    this.#attempts.clocks.observe(node, epoch, answer.now);
    if (answer.status === 'late') throw new ArrivedLate('it reached Redis too late');
    run.hears?.(answer);
    if (confirmations !== null && WRITTEN.has(answer.status)) {
      // Answered before the script was.
      const replicationId = await identifying;
      const renew = (): void => connections.renew(node);
      await confirmations.of({ node, replicationId, place: { key, isAsked }, renew }, run);
    }
    return answer;
  }

  async #read(key: string, deadline: number, target: Target): Promise<Fields> {
    const connections = this.#connections;
    const { node, clock, isAsked } = await this.#attempts.placeOf(connections, key, deadline, target);
    const sentAt = performance.now();
    const beside: Promise<unknown>[] = [
      connections.proof(node),
      clock.isFresh ? null : this.#attempts.readClock(node),
    ].filter((one) => one !== null);
    const asking = isAsked ? node.send(['ASKING']) : null;
    for (const one of [asking, ...beside]) one?.catch(() => {});
    const fields = (await this.#attempts.until(
      connections,
      deadline,
      node,
      node.send(['HGETALL', key]),
      sentAt,
    )) as string[];
    for (const one of beside) await this.#attempts.until(connections, deadline, node, one, sentAt);
    return { fields, now: clock.now() };
  }
}
