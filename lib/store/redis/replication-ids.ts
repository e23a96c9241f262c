import type { RedisNode } from './connections.js';

/** How long what a server has said counts, in milliseconds: it is asked five times a second at most. */
const KNOWN_FOR = 200;

interface Reading {
  readonly epoch: number;
  readonly askedAt: number;
  readonly id: Promise<string | null>;
}

/**
 * Under which replication ID a server writes. It has another one once it was restarted, or was a replica meanwhile: where it is the same
 * before a write and after replicas have confirmed another one, they have the first one as well.
 */
export class ReplicationIds {
  readonly #readings = new WeakMap<RedisNode, Reading>();

  /** What it was before what is sent next on this connection; `null`: that is not known. Never rejects. */
  before(node: RedisNode): Promise<string | null> {
    const { epoch } = node;
    const now = performance.now();
    let reading = this.#readings.get(node);
    if (reading?.epoch !== epoch || now - reading.askedAt >= KNOWN_FOR) {
      const id = replicationIdOf(node).catch(() => {
        this.#readings.delete(node);
        return null;
      });
      this.#readings.set(node, (reading = { epoch, askedAt: now, id }));
    }
    return reading.id;
  }
}

/** @throws {Error} where it writes under none: a replica has that of its primary */
export async function replicationIdOf(node: RedisNode): Promise<string> {
  const said = String(await node.send(['INFO', 'replication']));
  const id = /^master_replid:(\w+)/m.exec(said)?.[1];
  if (id === undefined || !/^role:master\b/m.test(said)) {
    throw new Error('it does not say under which replication ID it writes');
  }
  return id;
}
