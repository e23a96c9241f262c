import { OneAtATime } from '../../session/one-at-a-time.js';

/** Runs what has the same key one after the other, in the order of the calls, and everything else at once. */
export class KeyedQueue {
  readonly #queues = new Map<string, OneAtATime>();

  run<Result>(key: string, operation: () => Promise<Result>): Promise<Result> {
    let queue = this.#queues.get(key);
    if (queue === undefined) {
      queue = new OneAtATime(() => this.#queues.delete(key));
      this.#queues.set(key, queue);
    }
    return queue.run(operation);
  }
}
