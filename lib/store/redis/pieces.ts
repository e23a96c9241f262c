import type { StoreListener } from '../../session-store.js';
import type { Answer, Run } from './attempts.js';
import { RedisRefusal } from './connections.js';
import type { Keys } from './keys.js';
import type { ScriptRunner } from './script-runner.js';

/** What has become of one session of a piece. */
export interface Outcome<Item, Result> {
  readonly item: Item;
  /** What it gave; `null` where it failed, or what is there is no session. */
  readonly result: Result | null;
  /** Whether its script said "ok", confirmed by replicas or not. */
  readonly isDone: boolean;
  /** Whether it has not failed, and was confirmed where that was asked for. */
  readonly isSure: boolean;
}

/**
 * An operation on many sessions, piece by piece. It goes on where some fail, and throws the first failure at the end: what one primary,
 * or one session, fails by concerns no other. What is no session, as another hand has put it there, is reported and counts as none.
 */
export class Pieces {
  readonly operation: string;
  readonly #runner: ScriptRunner;
  readonly #keys: Keys;
  readonly #listener: Pick<StoreListener, 'notASession'>;
  #failure: unknown = null;
  /** Primaries that have answered nothing of a piece: each next one would take as long again. */
  readonly #silent = new Set<string | null>();
  /** Primaries whose replicas have not confirmed what was written: they are not waited for again. */
  readonly #unconfirmed = new Set<string | null>();

  constructor(operation: string, runner: ScriptRunner, keys: Keys, listener: Pick<StoreListener, 'notASession'>) {
    this.operation = operation;
    this.#runner = runner;
    this.#keys = keys;
    this.#listener = listener;
  }

  get hasFailed(): boolean {
    return this.#failure !== null;
  }

  /** Runs something at each key of a piece, all at once. Nothing is run where the primary of a key has been silent. */
  async run<Item extends { readonly key: string }, Result>(
    items: readonly Item[],
    how: Partial<Run>,
    act: (item: Item, run: Run) => Promise<Result>,
  ): Promise<Outcome<Item, Result>[]> {
    const given: Run = { operation: this.operation, deadline: this.#runner.deadline(), ...how };
    const failed = new Set<string | null>();
    const answered = new Set<string | null>();
    const runOne = async (item: Item): Promise<Outcome<Item, Result>> => {
      const primary = this.#runner.primaryOf(item.key);
      if (this.#silent.has(primary)) return { item, result: null, isDone: false, isSure: false };
      const isDurable = given.isDurable === true && !this.#unconfirmed.has(primary);
      let said: Answer['status'] | null = null;
      const hears = ({ status }: Answer): void => {
        // That it has ended stays true though it is run again, and finds none.
        if (said !== 'ok') said = status;
      };
      let result: Result | null = null;
      let isSure = isDurable === (given.isDurable ?? false);
      try {
        result = await act(item, { ...given, isDurable, hears });
        answered.add(primary);
      } catch (error) {
        const { cause } = error as Error;
        if (cause instanceof RedisRefusal && cause.code === 'WRONGTYPE') {
          this.#listener.notASession?.(this.#keys.sessionOf(item.key), cause);
          answered.add(primary);
        } else {
          this.#failure ??= error;
          isSure = false;
          (said === null ? failed : answered).add(primary);
          if (said !== null) this.#unconfirmed.add(primary);
        }
      }
      return { item, result, isDone: said === 'ok', isSure };
    };
    const outcomes = await Promise.all(items.map(runOne));
    for (const primary of failed) if (!answered.has(primary)) this.#silent.add(primary);
    return outcomes;
  }

  /** A command for a primary. `null`: it has failed, or the primary has been silent. */
  async ask(primary: string, command: readonly string[]): Promise<unknown> {
    if (this.#silent.has(primary)) return null;
    try {
      return await this.#runner.askAt(this.operation, primary, command);
    } catch (error) {
      this.#failure ??= error;
      this.#silent.add(primary);
      return null;
    }
  }

  isSilent(key: string): boolean {
    return this.#silent.has(this.#runner.primaryOf(key));
  }

  /** @throws {SessionStoreUnavailableError} where anything has failed */
  end(): void {
    if (this.#failure !== null) throw this.#failure as Error;
  }
}
