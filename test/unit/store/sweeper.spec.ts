import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { MemorySessionStore, type SessionId } from 'nestjs-mikro-session';
import { resolveOptions } from '../../../lib/session.options.js';
import { Sweeper } from '../../../lib/store/sweeper.js';

/** A store that gives the claim as a test says, and batches of one session. */
class ClaimedStore extends MemorySessionStore {
  claims: (boolean | Error)[] = [];
  readonly leases: number[] = [];
  batches: SessionId[] = [];
  onBatch: (id: SessionId) => void = () => {};

  constructor() {
    super(resolveOptions());
  }

  override claimSweep(lease = 0): Promise<boolean> {
    this.leases.push(lease);
    const claim = this.claims.shift() ?? true;
    return claim instanceof Error ? Promise.reject(claim) : Promise.resolve(claim);
  }

  override async *deleteExpired(): AsyncGenerator<readonly SessionId[]> {
    for (const id of this.batches) {
      this.onBatch(id);
      yield [id];
    }
  }
}

describe('Sweeper', () => {
  let store: ClaimedStore;
  let told: string[];
  let clock: number;
  let sweeper: Sweeper | null = null;

  beforeEach(() => {
    store = new ClaimedStore();
    told = [];
    clock = 0;
  });
  afterEach(() => sweeper?.stop());

  /** Sweeps until so many sweeps have ended, whether or not they were for this process. */
  const sweep = (times: number, every = 1) =>
    new Promise<string[]>((resolve) => {
      let ended = 0;
      const over = (): void => {
        if (++ended === times) void sweeper?.stop().then(() => resolve(told));
      };
      const listener = {
        expired: (ids: readonly SessionId[]) => told.push(...ids),
        done: over,
        failed: (error: unknown) => {
          told.push(String(error));
          over();
        },
        takenOver: () => told.push('taken over'),
        lost: () => told.push('lost'),
      };
      sweeper = new Sweeper(store, every, listener, () => clock);
      sweeper.start();
    });

  it('sweeps where the claim is given, and not where it is not', async () => {
    store.claims = [true, false];
    store.batches = ['a', 'b'];
    expect(await sweep(1)).toEqual(['a', 'b']);
    told = [];
    store.claims = [false];
    expect(await sweep(1)).toEqual([]);
  });

  it('says nothing of the first claim, nor of one that stays', async () => {
    expect(await sweep(3)).toEqual([]);
  });

  it('says that it has taken over, where another process has swept before', async () => {
    store.claims = [false, false, true, true];
    expect(await sweep(4)).toEqual(['taken over']);
  });

  it('says that it has lost the claim, once', async () => {
    store.claims = [true, false, false];
    expect(await sweep(3)).toEqual(['lost']);
  });

  it('takes a claim that fails for neither', async () => {
    store.claims = [true, new Error('away'), true, false, new Error('away'), true];
    expect(await sweep(6)).toEqual(['Error: away', 'lost', 'Error: away', 'taken over']);
  });

  it.each([
    [1, 2_000],
    [10 * 60_000, 30 * 60_000],
    [2 ** 30 - 1, 2 ** 31 - 1],
  ])('of an interval of %i ms, claims for %i ms', async (every, lease) => {
    // The shortest pause is enough: the interval is that of the lease only.
    const timers = setTimeout;
    globalThis.setTimeout = ((run: () => void) => timers(run, 1)) as never;
    try {
      await sweep(1, every);
    } finally {
      globalThis.setTimeout = timers;
    }
    expect(store.leases).toEqual([lease]);
  });

  it('claims again in the middle of a sweep that lasts', async () => {
    store.batches = ['a', 'b', 'c', 'd'];
    store.onBatch = () => (clock += 400);
    await sweep(1);
    // A third of the lease is 667 ms.
    expect(store.leases).toHaveLength(3);
    expect(told).toEqual(['a', 'b', 'c', 'd']);
  });

  it('stops in the middle of a sweep where it was frozen, and has lost the claim', async () => {
    store.claims = [true, false];
    store.batches = ['a', 'b', 'c'];
    store.onBatch = (id) => (clock += id === 'b' ? 60_000 : 0);
    expect(await sweep(1)).toEqual(['a', 'b', 'lost']);
  });
});
