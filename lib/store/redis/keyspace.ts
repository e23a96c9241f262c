import type { SessionId } from '../../session/token.js';
import type { RedisNode } from './connections.js';
import type { Keys } from './keys.js';
import type { Run } from './attempts.js';
import type { Answer, ScriptRunner } from './script-runner.js';
import { CONFIRM, END, EXPIRE, LOOK } from './scripts/session-scripts.js';
import type { Script } from './scripts/script.js';
import type { UserIndex } from './user-index.js';

/** How many keys one step of a walk looks at, more or less. */
const STEP = 500;
/** How often all primaries are walked through to end all sessions: slots that move meanwhile may have hidden some. */
const MOST_WALKS = 10;

/** What concerns all sessions: a walk over the keys of each primary, in steps. */
export class Keyspace {
  readonly #runner: ScriptRunner;
  readonly #keys: Keys;
  readonly #index: UserIndex;

  constructor(runner: ScriptRunner, keys: Keys, index: UserIndex) {
    this.#runner = runner;
    this.#keys = keys;
    this.#index = index;
  }

  async count(): Promise<number> {
    let count = 0;
    for await (const found of this.#walk('count sessions', LOOK, [])) count += found.length;
    return count;
  }

  /** Removes what has expired. */
  async *expire(): AsyncGenerator<readonly SessionId[]> {
    for await (const found of this.#walk('sweep sessions', EXPIRE, [])) {
      const byUser = Map.groupBy(found, ({ values }) => String(values[0]));
      await Promise.all(
        Array.from(byUser, ([userId, sessions]) =>
          this.#index.remove(
            userId,
            sessions.map(({ id }) => id),
          ),
        ),
      );
      yield found.map(({ id }) => id);
    }
  }

  /** Ends all sessions that are there when it is called, until a walk finds none of them any more. */
  async *endAll(): AsyncGenerator<readonly SessionId[]> {
    const operation = 'end all sessions';
    const since = performance.now();
    await this.#confirmEnds(operation);
    for (let walk = 0, isLeft = true; isLeft && walk < MOST_WALKS; walk++) {
      isLeft = false;
      const age = () => String(Math.max(0, performance.now() - since));
      for await (const found of this.#walk(operation, END, age, true)) {
        if (found.length === 0) continue;
        isLeft = true;
        yield found.map(({ id }) => id);
      }
    }
  }

  /** What was ended before is not found by a walk, and may not have been confirmed. A server that takes no writes is found out. */
  async #confirmEnds(operation: string): Promise<void> {
    const keys = await this.#runner.keyOnEach(operation, (number) => this.#keys.nothing(number));
    const run: Run = { operation, deadline: this.#runner.deadline(), isRepeatable: true, isDurable: true };
    for (const answer of await this.#runner.runAll(CONFIRM, keys, [''], run)) {
      if (answer.status === 'rejected') throw answer.reason;
    }
  }

  /** Runs a script at every session, and gives those where it says "ok". */
  async *#walk(
    operation: string,
    script: Script,
    args: readonly string[] | (() => string),
    isDurable = false,
  ): AsyncGenerator<readonly (Answer & { readonly id: SessionId })[]> {
    for (const node of await this.#runner.primaries(operation)) {
      for await (const keys of this.#keysOf(operation, node)) {
        const run: Run = { operation, deadline: this.#runner.deadline(), isRepeatable: true, isDurable };
        const given = typeof args === 'function' ? [args()] : args;
        const answers = await this.#runner.runAll(script, keys, given, run);
        const found: (Answer & { readonly id: SessionId })[] = [];
        let failure: unknown = null;
        for (const [index, answer] of answers.entries()) {
          if (answer.status === 'rejected') failure ??= answer.reason;
          else if (answer.value.status === 'ok') {
            found.push({ ...answer.value, id: this.#keys.sessionOf(keys[index] as string) });
          }
        }
        yield found;
        if (failure !== null) throw failure as Error;
      }
    }
  }

  async *#keysOf(operation: string, node: RedisNode): AsyncGenerator<readonly string[]> {
    let cursor = '0';
    do {
      const command = ['SCAN', cursor, 'MATCH', this.#keys.allSessions, 'COUNT', String(STEP)];
      const [next, keys] = (await this.#runner.ask(operation, node, command)) as [string, string[]];
      cursor = next;
      yield keys;
    } while (cursor !== '0');
  }
}
