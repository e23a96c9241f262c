import { randomBytes } from 'node:crypto';
import { SessionStoreUnavailableError } from 'nestjs-mikro-session';
import type { CommittedTimes, SessionChanges, SessionStore, StoredSession } from 'nestjs-mikro-session/store';

const DAY = 86_400_000;
const LIFETIME = { ttl: DAY, absolute: null };

/** What became of what was acknowledged. */
export interface Verdict {
  /** Increments, logins and new sessions that were acknowledged, and are not there. */
  lost: number;
  /** Sessions whose end was acknowledged, and that are there. */
  revived: number;
  /** Increments that nothing has asked for, and writes under a login that was over. */
  wrong: number;
}

/** A session, and what must be true of it. */
interface Known {
  readonly id: string;
  /** Whether its creation was acknowledged. */
  isCreated: boolean;
  generation: number;
  /** Increments that were acknowledged, and those of which it is not known. */
  sure: number;
  unsure: number;
  /** The generation before the last login that was acknowledged. */
  overtaken: number | null;
  /** Whether a login is not known to have failed: the generation may be another one. */
  isLoginUnsure: boolean;
  end: 'acknowledged' | 'unknown' | null;
}

const increment: SessionChanges = {
  data: { set: new Map(), unset: [], increment: new Map([['n', 1]]), push: new Map() },
  lifetime: null,
  renew: true,
};

/** Someone who begins sessions, writes to them, signs in and ends them, one step after the other, and remembers what was said. */
export class Visitor {
  readonly #name: string;
  readonly #stores: readonly SessionStore[];
  readonly #random: () => number;
  readonly #known: Known[] = [];
  #current: Known | null = null;
  acknowledged = 0;
  refused = 0;
  /** When the last step was refused, as `performance.now()` has it. */
  lastRefusal = 0;
  /** How long the slowest step took, in milliseconds. */
  slowest = 0;
  readonly #wrong: string[] = [];

  constructor(name: string, stores: readonly SessionStore[], random: () => number) {
    this.#name = name;
    this.#stores = stores;
    this.#random = random;
  }

  /** One step, through any of the stores. */
  async step(): Promise<void> {
    const store = this.#stores[Math.floor(this.#random() * this.#stores.length)] as SessionStore;
    const begun = performance.now();
    try {
      await this.#step(store);
      this.acknowledged += 1;
    } catch (error) {
      if (!(error instanceof SessionStoreUnavailableError)) throw error;
      this.refused += 1;
      this.lastRefusal = performance.now();
    }
    this.slowest = Math.max(this.slowest, performance.now() - begun);
  }

  async #step(store: SessionStore): Promise<void> {
    const session = this.#current;
    if (session === null) return this.#create(store);
    const dice = this.#random();
    if (dice < 0.7) return this.#increment(store, session);
    if (dice < 0.85) return this.#login(store, session);
    if (dice < 0.93) return this.#writeLate(store, session);
    return this.#end(store, session);
  }

  async #create(store: SessionStore): Promise<void> {
    const id = uuidv7();
    const session: Known = {
      id,
      isCreated: false,
      generation: -1,
      sure: 0,
      unsure: 0,
      overtaken: null,
      isLoginUnsure: false,
      end: null,
    };
    this.#known.push(session);
    const secretHash = randomBytes(32);
    const more = { userId: this.#name, auth: null, data: '{}', lifetime: LIFETIME, ip: null, userAgent: null };
    const created = await store.create({ id, secretHash, ...more });
    session.isCreated = true;
    session.generation = created.generation;
    this.#current = session;
  }

  async #increment(store: SessionStore, session: Known): Promise<void> {
    let times: CommittedTimes | null;
    try {
      times = await store.commit(session.id, session.generation, increment);
    } catch (error) {
      session.unsure += 1;
      throw error;
    }
    // Gone: a login that was not confirmed has happened all the same, or one that was is lost. Seen at the end.
    if (times === null) this.#leave(session);
    else session.sure += 1;
  }

  async #login(store: SessionStore, session: Known): Promise<void> {
    const secretHash = randomBytes(32);
    let stored: StoredSession | null;
    try {
      stored = await store.login({
        id: session.id,
        generation: session.generation,
        secretHash,
        userId: this.#name,
        auth: null,
        lifetime: LIFETIME,
        flush: false,
        changes: null,
      });
    } catch (error) {
      session.isLoginUnsure = true;
      this.#leave(session);
      throw error;
    }
    if (stored === null) return this.#leave(session);
    session.overtaken = session.generation;
    session.generation = stored.generation;
  }

  /** What a request sends that was under way when its user signed in anew. */
  async #writeLate(store: SessionStore, session: Known): Promise<void> {
    if (session.overtaken === null) return;
    const times = await store.commit(session.id, session.overtaken, increment);
    if (times !== null) this.#wrong.push(`a write under a login that was over, to ${session.id}`);
  }

  async #end(store: SessionStore, session: Known): Promise<void> {
    this.#leave(session);
    session.end = 'unknown';
    await store.delete(session.id, null);
    session.end = 'acknowledged';
  }

  #leave(session: Known): void {
    if (this.#current === session) this.#current = null;
  }

  /** Compares what was said with what is there. */
  async verdict(store: SessionStore): Promise<Verdict> {
    const verdict: Verdict = { lost: 0, revived: 0, wrong: this.#wrong.length };
    for (const session of this.#known) {
      const stored = await store.find(session.id);
      if (session.end !== null) {
        if (session.end === 'acknowledged' && stored !== null) verdict.revived += 1;
        continue;
      }
      if (stored === null) {
        if (session.isCreated) verdict.lost += 1 + session.sure;
        continue;
      }
      const { n = 0 } = JSON.parse(stored.data) as { n?: number };
      verdict.lost += Math.max(0, session.sure - n);
      verdict.wrong += Math.max(0, n - session.sure - session.unsure);
      if (session.isCreated && !session.isLoginUnsure && stored.generation !== session.generation) verdict.lost += 1;
    }
    return verdict;
  }
}

function uuidv7(): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(Date.now(), 0, 6);
  bytes[6] = 0x70 | ((bytes[6] as number) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] as number) & 0x3f);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
