import type { SessionId } from '../../session/token.js';
import type { Access, StoreListener } from '../../session-store.js';
import type { RenewalOutcome, RenewalTarget } from '../batching/renewal-buffer.js';
import { RedisRefusal } from './connections.js';
import type { ScriptRunner } from './script-runner.js';
import type { SessionCommands } from './session-commands.js';
import type { UserIndex } from './user-index.js';

/** Writes the renewals that were collected, each where its session is. */
export class Renewals implements RenewalTarget {
  readonly #runner: ScriptRunner;
  readonly #commands: SessionCommands;
  readonly #index: UserIndex;
  readonly #listener: Pick<StoreListener, 'renewalRefused'>;

  constructor(
    runner: ScriptRunner,
    commands: SessionCommands,
    index: UserIndex,
    listener: Pick<StoreListener, 'renewalRefused'>,
  ) {
    this.#runner = runner;
    this.#commands = commands;
    this.#index = index;
    this.#listener = listener;
  }

  async renew(accesses: readonly Pick<Access, 'id' | 'at'>[]): Promise<RenewalOutcome> {
    const outcomes = await Promise.allSettled(accesses.map(async (access) => this.#renewOne(access)));
    const renewed: SessionId[] = [];
    const locked: SessionId[] = [];
    const failures: unknown[] = [];
    for (const [index, outcome] of outcomes.entries()) {
      const { id } = accesses[index] as Access;
      if (outcome.status === 'fulfilled') {
        if (outcome.value) renewed.push(id);
      } else if (isAboutItsKey((outcome.reason as Error).cause)) {
        this.#listener.renewalRefused(id, outcome.reason);
      } else {
        locked.push(id);
        failures.push(outcome.reason);
      }
    }
    // Where one node cannot be reached, those of the others are renewed all the same.
    if (failures.length === accesses.length) throw failures[0] as Error;
    return { renewed, locked };
  }

  /** Whether the session is live. */
  async #renewOne({ id, at }: Pick<Access, 'id' | 'at'>): Promise<boolean> {
    const run = { operation: 'renew sessions', deadline: this.#runner.deadline(), isRepeatable: true };
    const ownership = await this.#commands.renew(id, Math.max(0, this.#runner.now() - at), run);
    if (ownership !== null) this.#index.keep(id, ownership, false);
    return ownership !== null;
  }
}

/** Whether Redis would refuse it again: the key holds something that is no session. */
function isAboutItsKey(cause: unknown): boolean {
  return cause instanceof RedisRefusal && ['ERR', 'WRONGTYPE'].includes(cause.code);
}
