import type { LostTime } from '../lost-time.js';
import { outsideRequests } from '../outside-requests.js';
import { FromReplica, type RedisConnections, type RedisNode } from './connections.js';
import {
  type Address,
  type Client,
  clientOf,
  type ConnectionSettings,
  end,
  nodeOn,
  type RedisPlace,
  shownAddress,
} from './node-redis.js';
import { RetiredClients } from './retired-clients.js';

/** How long a server that was a primary is taken for one, in milliseconds. */
const PROVEN_FOR = 200;
/** How often a server is left for what its address leads to by then, in milliseconds. */
const LEAVE_EVERY = 500;

/** When a server was asked what it is, on which connection. */
interface Proof {
  readonly node: RedisNode;
  readonly epoch: number;
  readonly askedAt: number;
  readonly answer: Promise<void>;
  isGiven: boolean;
}

/** A Redis by itself. */
export class SingleRedis implements RedisConnections {
  readonly isCluster = false;
  readonly #address: Address;
  readonly #settings: ConnectionSettings;
  readonly #clock: LostTime;
  readonly #retired: RetiredClients;
  #client: Client;
  #madeAt = 0;
  #proof: Proof | null = null;

  constructor({ addresses, settings }: RedisPlace, clock: LostTime) {
    this.#address = addresses[0] as Address;
    this.#settings = settings;
    this.#clock = clock;
    this.#retired = new RetiredClients(clock);
    this.#client = this.#made();
  }

  async open(): Promise<void> {
    await this.#client.connect();
  }

  async nodeOf(): Promise<RedisNode> {
    return this.#node;
  }

  async nodeAt(address: string): Promise<RedisNode | null> {
    return address === this.#node.name ? this.#node : null;
  }

  async refresh(): Promise<void> {}

  renew(left: RedisNode | null): void {
    // What is said of a connection that was left already says nothing of the one in its place.
    if (left !== this.#node || performance.now() - this.#madeAt < LEAVE_EVERY) return;
    this.#retired.add(this.#client);
    this.#client = this.#made();
    void outsideRequests(() => this.#client.connect().catch(() => {}));
  }

  proof(node: RedisNode): Promise<void> | null {
    const { epoch } = node;
    const now = performance.now();
    let proof = this.#proof;
    if (proof?.node !== node || proof.epoch !== epoch || now - proof.askedAt >= PROVEN_FOR) {
      const asked: Proof = { node, epoch, askedAt: now, answer: assertPrimary(node), isGiven: false };
      asked.answer.then(
        () => (asked.isGiven = true),
        () => {},
      );
      this.#proof = proof = asked;
    }
    return proof.isGiven ? null : proof.answer;
  }

  demoted(node: RedisNode): void {
    this.renew(node);
  }

  get primaries(): readonly string[] {
    return [this.#node.name];
  }

  primaryOf(): string {
    return this.#node.name;
  }

  close(): void {
    end(this.#client);
    this.#retired.close();
  }

  get #node(): RedisNode {
    return nodeOn(this.#client, shownAddress(this.#address));
  }

  #made(): Client {
    const client = clientOf(this.#address, this.#settings, this.#clock);
    this.#madeAt = performance.now();
    // It connects again by itself, and what is asked of it meanwhile says that it could not.
    client.on('error', () => {});
    return client;
  }
}

async function assertPrimary(node: RedisNode): Promise<void> {
  const info = String(await node.send(['INFO', 'replication']));
  if (/^role:slave/m.test(info)) throw new FromReplica(node);
}
