import { describe, expect, it, jest } from '@jest/globals';
import { type CommitRequest, foldCommits } from '../../../../lib/store/batching/commit-request.js';
import { SessionDataError, SessionError } from '../../../../lib/session.errors.js';
import { WriteBatcher } from '../../../../lib/store/batching/write-batcher.js';
import { Random } from '../../../history/random.js';
import { changesOf, DOWN, type Outcome, REFUSED, SAVED, TOO_LARGE, useWriteBatcher } from './fake-database.js';

describe('WriteBatcher, with random commits, locks and failures,', () => {
  useWriteBatcher();

  it.each(Array.from({ length: 20 }, (_, seed) => seed + 1))(
    'answers every commit, writes each that it says it wrote once and in order, and no other (seed %i)',
    async (seed) => {
      const generator = new Random(seed);
      const random = () => generator.next();
      const logs = new Map<string, number[]>();
      let underWay = 0;
      const busy = new Set<string>();
      const target = {
        now: () => Date.now(),
        operation: 'save a session',
        fold: foldCommits,
        write: async (requests: readonly CommitRequest[]): Promise<Outcome[]> => {
          // A batch, and pieces of those that were refused.
          expect(++underWay).toBeLessThanOrEqual(5);
          for (const { id } of requests) expect(busy.size).toBeLessThan(busy.add(id).size);
          expect(requests.length).toBeLessThanOrEqual(64);
          await new Promise((resolve) => setTimeout(resolve, Math.ceil(random() * 3)));
          underWay--;
          for (const { id } of requests) busy.delete(id);
          const isDown = random() < 0.03;
          if (isDown) throw DOWN;
          if (requests.some(({ changes }) => changes.data?.set.has('bad'))) throw REFUSED;
          return requests.map(({ id, changes, deadline }) => {
            if (random() < 0.2 || deadline <= Date.now()) return random() < 0.1 ? 'waited' : 'locked';
            if (changes.data?.set.has('large')) return TOO_LARGE;
            if (id === 's0') return null;
            const log = logs.get(id) ?? [];
            logs.set(id, log);
            log.push(...(JSON.parse(changes.data?.push.get('log') ?? '[]') as number[]));
            return SAVED;
          });
        },
      };
      const soak = new WriteBatcher(target);
      const expected = new Map<string, number[]>();
      const wrong: unknown[] = [];
      const all: Promise<void>[] = [];
      const answered = new Set<string>();
      for (let n = 0; n < 400; n++) {
        const id = `s${Math.floor(random() * 6)}`;
        const kind = random();
        const set = kind < 0.04 ? { bad: true } : kind < 0.08 ? { large: true } : {};
        const changes = changesOf({ set, push: { log: [n] }, ...(random() < 0.1 && { ttl: n }) });
        const deadline = Date.now() + (random() < 0.2 ? random() * 40 : 1e6);
        all.push(
          soak.write({ id, generation: 0, changes, found: null, deadline }).then(
            (times) => {
              answered.add(times === null ? 'gone' : 'saved');
              if (times !== null)
                expected.set(
                  id,
                  [...(expected.get(id) ?? []), n].toSorted((a, b) => a - b),
                );
              if (times === null ? id !== 's0' : Object.keys(set).length > 0) wrong.push({ n, id, set, times });
            },
            (error: unknown) => {
              answered.add((error as Error).message);
              const isFair = error instanceof SessionDataError ? Object.keys(set).length > 0 : error !== undefined;
              if (!isFair || !(error instanceof SessionError)) wrong.push({ n, id, set, error });
            },
          ),
        );
        if (random() < 0.5) await jest.advanceTimersByTimeAsync(Math.floor(random() * 4));
      }
      let isDone = false;
      void Promise.all(all).then(() => (isDone = true));
      // What is sent at the end of a turn begins once the timers have stopped.
      for (let second = 0; !isDone && second < 60; second++) await jest.advanceTimersByTimeAsync(1_000);
      expect(isDone).toBe(true);
      expect(wrong).toEqual([]);
      expect([...answered].toSorted()).toEqual([DOWN.message, 'gone', 'refused', 'saved', 'too large']);
      expect(logs).toEqual(expected);
      expect(jest.getTimerCount()).toBe(0);
    },
  );
});
