/** A primary, on a connection of ours. */
export interface RedisNode {
  /** Where it is, for messages. */
  readonly name: string;
  /** Another number after each connecting: what answers may be another server then. */
  readonly epoch: number;
  /** When it answered last, as `performance.now()` has it. */
  readonly answeredAt: number;
  /**
   * Sends a command, behind those that were sent before, and gives its answer.
   *
   * @throws {RedisRefusal} where Redis answers with an error
   * @throws {NotSent} {@link ConnectionLost}
   */
  send(command: readonly string[]): Promise<unknown>;
}

/**
 * Connections to a Redis, single or a cluster: what a client library is to give us. Nothing here repeats a command, or waits
 * longer than its caller, who gives up by not waiting any more.
 */
export interface RedisConnections {
  readonly isCluster: boolean;
  open(): Promise<void>;
  /** The primary that has a key. @throws {NotSent} where none is known for the moment */
  nodeOf(key: string): Promise<RedisNode>;
  /**
   * A primary by its address, `host:port`, as a redirection and its name have it; `null` where it is not known.
   *
   * @throws {NotSent} where it cannot be connected to
   */
  nodeAt(address: string): Promise<RedisNode | null>;
  /**
   * Learns anew which primary has what, as the one that was asked for a key says that another has it.
   *
   * @throws {NotSent | RedisRefusal} where none says so
   */
  refresh(key: string): Promise<void>;
  /**
   * Makes all connections anew, as one of them is silent; not more often than is of use. What is under way on the others may still
   * be answered.
   *
   * @param silent the node at its other end; `null` where one could not be made in time: what has another primary by now is left
   */
  renew(silent: RedisNode | null): void;
  /**
   * Whether a look-up counts that a node answers: a replica would answer as well, with what it knows. `null`: it counts; or what is
   * to be waited for besides, sent before it, which rejects with {@link FromReplica}.
   */
  proof(node: RedisNode): Promise<void> | null;
  /** A node was found to be a replica: its address may lead to the primary by now. */
  demoted(node: RedisNode): void;
  /** The names of all that are known. */
  readonly primaries: readonly string[];
  /** The name of the one that has a key, without connecting to it; `null` where none is known. */
  primaryOf(key: string): string | null;
  close(): void;
}

/** Redis has answered with an error. */
export class RedisRefusal extends Error {
  /** The first word of it, such as `OOM`. */
  readonly code: string;

  constructor(message: string) {
    super(message);
    this.name = 'RedisRefusal';
    this.code = message.split(' ', 1)[0] as string;
  }
}

/** What has answered is a replica, perhaps the primary from before a failover: it may not know what has ended. */
export class FromReplica extends Error {
  override readonly name = 'FromReplica';

  constructor(node: RedisNode) {
    super(`${node.name} is a replica, or the primary from before a failover, and what it answers does not count`);
  }
}

/** A command was not sent: there is no connection. */
export class NotSent extends Error {
  override readonly name = 'NotSent';
}

/** A connection has ended before an answer came: the command may have been carried out. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}
