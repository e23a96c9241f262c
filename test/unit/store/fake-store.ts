import type { SessionId } from '../../../lib/session/token.js';
import type { RenewalOutcome, RenewalTarget } from '../../../lib/store/batching/renewal-buffer.js';

/** The id of a session that is not there any more. */
export const DEAD: SessionId = 'dead';

/** A store that can only renew, and answers when it is told to. */
export class FakeStore implements RenewalTarget {
  readonly calls: { id: SessionId; at: number }[][] = [];
  /** The locked rows with which each call is answered at once, unless it is null: then `answer` or `refuse` does. */
  automatic: SessionId[] | null = [];
  #waiting: { resolve: (locked: SessionId[]) => void; reject: (error: unknown) => void }[] = [];

  now(): number {
    return performance.now();
  }

  async renew(accesses: readonly { id: SessionId; at: number }[]): Promise<RenewalOutcome> {
    this.calls.push([...accesses]);
    const locked =
      this.automatic ?? (await new Promise<SessionId[]>((resolve, reject) => this.#waiting.push({ resolve, reject })));
    return { renewed: accesses.map(({ id }) => id).filter((id) => id !== DEAD && !locked.includes(id)), locked };
  }

  answer(locked: SessionId[] = []): void {
    this.#waiting.shift()?.resolve(locked);
  }

  refuse(error: unknown): void {
    this.#waiting.shift()?.reject(error);
  }
}
