import type { SessionId } from '../../session/token.js';
import type { Answer, Run } from './attempts.js';
import type { Keys } from './keys.js';
import type { Outcome, Pieces } from './pieces.js';
import type { ScriptRunner } from './script-runner.js';
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
  readonly #piecesOf: (operation: string) => Pieces;

  constructor(runner: ScriptRunner, keys: Keys, index: UserIndex, piecesOf: (operation: string) => Pieces) {
    this.#runner = runner;
    this.#keys = keys;
    this.#index = index;
    this.#piecesOf = piecesOf;
  }

  async count(): Promise<number> {
    const { pieces } = await this.#begun('count sessions', LOOK, []);
    let count = 0;
    for await (const found of this.#walk(pieces, LOOK)) count += found.length;
    pieces.end();
    return count;
  }

  /** Removes what has expired. */
  async *expire(): AsyncGenerator<readonly SessionId[]> {
    const { pieces } = await this.#begun('sweep sessions', LOOK, []);
    for await (const found of this.#walk(pieces, EXPIRE)) {
      const byUser = Map.groupBy(found, ({ answer }) => (answer?.values[0] ?? '') as string);
      await Promise.all(
        Array.from(byUser, ([userId, sessions]) =>
          this.#index.remove(
            userId,
            sessions.map(({ id }) => id),
            pieces,
          ),
        ),
      );
      yield found.map(({ id }) => id);
    }
    pieces.end();
  }

  /**
   * Ends all sessions that are there when it is called, until a walk finds none of them any more. What was ended before is not found by a
   * walk, and may not have been confirmed: so each primary confirms first. A server that takes no writes is found out.
   */
  async *endAll(): AsyncGenerator<readonly SessionId[]> {
    const since = performance.now();
    const age = (): string => String(Math.max(0, performance.now() - since));
    const { pieces, begunAt } = await this.#begun('end all sessions', CONFIRM, [''], { isDurable: true });
    const argsOf = (primary: string): readonly string[] => [age(), String(begunAt.get(primary) ?? '')];
    let isLeft = true;
    for (let walk = 0; isLeft && walk < MOST_WALKS; walk++) {
      isLeft = false;
      for await (const found of this.#walk(pieces, END, argsOf, { isDurable: true })) {
        if (found.length === 0) continue;
        isLeft = !pieces.hasFailed;
        yield found.map(({ id }) => id);
      }
    }
    pieces.end();
  }

  /**
   * Runs a script on each primary, where no session is: those that are silent take their time together, and once. `begunAt`: what the
   * clock of each was then, by its name, in milliseconds.
   */
  async #begun(
    operation: string,
    script: Script,
    args: readonly string[],
    how: Partial<Run> = {},
  ): Promise<{ readonly pieces: Pieces; readonly begunAt: ReadonlyMap<string, number> }> {
    const pieces = this.#piecesOf(operation);
    const begunAt = new Map<string, number>();
    const nothing = this.#runner.keyOnEach((number) => this.#keys.nothing(number));
    for (const { item, result } of await this.#runAt(nothing, pieces, script, args, how)) {
      const primary = this.#runner.primaryOf(item.key);
      if (result !== null && primary !== null) begunAt.set(primary, result.now);
    }
    return { pieces, begunAt };
  }

  /** Runs a script at every session, and gives those where it says "ok". */
  async *#walk(
    pieces: Pieces,
    script: Script,
    argsNow: (primary: string) => readonly string[] = () => [],
    how: Partial<Run> = {},
  ): AsyncGenerator<readonly { readonly id: SessionId; readonly answer: Answer | null }[]> {
    for (const primary of this.#runner.primaries) {
      for await (const keys of this.#keysOf(pieces, primary)) {
        const outcomes = await this.#runAt(keys, pieces, script, argsNow(primary), how);
        yield outcomes
          .filter(({ isDone }) => isDone)
          .map(({ item, result }) => ({ id: this.#keys.sessionOf(item.key), answer: result }));
      }
    }
  }

  #runAt(
    keys: readonly string[],
    pieces: Pieces,
    script: Script,
    args: readonly string[],
    how: Partial<Run>,
  ): Promise<Outcome<{ readonly key: string }, Answer>[]> {
    const items = keys.map((key) => ({ key }));
    return pieces.run(items, { isRepeatable: true, ...how }, ({ key }, run) =>
      this.#runner.run(script, key, args, run),
    );
  }

  async *#keysOf(pieces: Pieces, primary: string): AsyncGenerator<readonly string[]> {
    let cursor = '0';
    do {
      const command = ['SCAN', cursor, 'MATCH', this.#keys.allSessions, 'COUNT', String(STEP)];
      const step = (await pieces.ask(primary, command)) as [string, string[]] | null;
      if (step === null) return;
      cursor = step[0];
      yield step[1];
    } while (cursor !== '0');
  }
}
