import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
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

  it('tells nothing of a batch that is empty', async () => {
    const batches: unknown[] = [];
    store.deleteExpired = async function* () {
      yield [];
      yield ['a'];
    };
    const done = Promise.withResolvers<void>();
    const listener = { done: done.resolve, failed: done.reject, takenOver: () => {}, lost: () => {} };
    sweeper = new Sweeper(store, 1, { ...listener, expired: (ids) => batches.push(ids) });
    sweeper.start();
    await done.promise;
    expect(batches).toEqual([['a']]);
  });

  it('goes by the clock of its process, unless it is given another', async () => {
    const now = jest.spyOn(performance, 'now').mockReturnValue(0);
    store.batches = ['a', 'b'];
    store.onBatch = () => now.mockReturnValue(60_000);
    const done = Promise.withResolvers<void>();
    const listener = { done: done.resolve, failed: done.reject, takenOver: () => {}, lost: () => {} };
    sweeper = new Sweeper(store, 1, { ...listener, expired: () => {} });
    sweeper.start();
    await done.promise;
    jest.restoreAllMocks();
    expect(store.leases).toHaveLength(2);
  });

  it('ends after its batch once it is stopped', async () => {
    store.batches = ['a', 'b'];
    const begun = Promise.withResolvers<Promise<void> | undefined>();
    store.onBatch = () => begun.resolve(sweeper?.stop());
    void sweep(1);
    await begun.promise;
    expect(told).toEqual(['a']);
  });

  it('begins no sweep where it is stopped before the first, nor keeps a process alive', async () => {
    const timer = jest.spyOn(globalThis, 'setTimeout');
    jest.spyOn(Math, 'random').mockReturnValue(0.25);
    const idle = new Sweeper(store, 1_000, {} as never);
    idle.start();
    const [, delay] = timer.mock.calls[0] as unknown as [unknown, number];
    const started = timer.mock.results[0]?.value as NodeJS.Timeout & { _destroyed: boolean };
    expect([Math.round(delay), started.hasRef()]).toEqual([950, false]);
    await idle.stop();
    expect(started._destroyed).toBe(true);
    await new Sweeper(store, 1_000, {} as never).stop();
    jest.restoreAllMocks();
  });

  it('stops in the middle of a sweep where it was frozen, and has lost the claim', async () => {
    store.claims = [true, false];
    store.batches = ['a', 'b', 'c'];
    store.onBatch = (id) => (clock += id === 'b' ? 60_000 : 0);
    expect(await sweep(1)).toEqual(['a', 'b', 'lost']);
  });
});
