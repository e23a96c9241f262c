import { Progress } from '#progress';
import { type Contestant, needsRedis } from './contestants.js';
import type { Environment } from './environment/environment.js';
import { Entrant } from './measure/entrant.js';
import { openRounds } from './measure/open-rounds.js';
import { SampleBook } from './measure/sample-book.js';
import { takeTurn } from './measure/turn.js';
import type { BenchOptions } from './options.js';
import type { Figures, OpenFigures, Results } from './results.js';

/** What came out. */
export interface Outcome {
  readonly closedLoop: readonly Figures[];
  readonly openLoop: readonly OpenFigures[];
  readonly missing: Results['missing'];
}

/** Admits the contestants and lets them take turns: round by round, so that a slow minute hits all of them. */
export async function compete(
  environment: Environment,
  options: BenchOptions,
  signal: AbortSignal,
  log: (text: string) => void,
): Promise<Outcome> {
  const { entrants, missing } = await admitAll(environment, options.contestants, signal, log);
  const book = new SampleBook();
  const turns = entrants.length * options.rounds * (options.openLoop ? 2 : 1);
  const progress = new Progress(process.stderr, 'Took', 'turn', turns);
  const say = (text: string): void => {
    progress.end();
    log(text);
  };
  for (let round = 1; round <= options.rounds; round += 1) {
    for (const entrant of entrants) {
      const { contestant } = entrant;
      await takeTurn(entrant, environment, options.connections, options, signal, (method, connections, sample) => {
        book.add(contestant, method, connections, sample);
        const rate = `${Math.round(sample.perSecond)}/s`;
        say(`round ${round}/${options.rounds}  ${contestant.name}  ${method} × ${connections}: ${rate}`);
      });
      progress.add(1);
    }
  }
  const closedLoop = book.figures();
  const openLoop = options.openLoop
    ? await openRounds(entrants, closedLoop, options.rounds, options, signal, (name, round) => {
        say(`open loop, round ${round}/${options.rounds}  ${name}`);
        progress.add(1);
      })
    : [];
  progress.end();
  return { closedLoop, openLoop, missing };
}

async function admitAll(
  environment: Environment,
  contestants: readonly Contestant[],
  signal: AbortSignal,
  log: (text: string) => void,
): Promise<{ entrants: Entrant[]; missing: { name: string; reason: string }[] }> {
  const entrants: Entrant[] = [];
  const missing: { name: string; reason: string }[] = [];
  for (const contestant of contestants) {
    signal.throwIfAborted();
    const { name } = contestant;
    if (needsRedis(contestant) && !environment.redis.has(contestant.store)) {
      missing.push({ name, reason: 'redis-server is not installed' });
      continue;
    }
    try {
      entrants.push(await Entrant.admit(contestant, environment, signal));
      log(`${name}: verified`);
    } catch (error) {
      signal.throwIfAborted();
      missing.push({ name, reason: reasonOf(error) });
      log(`${name}: left out. ${reasonOf(error)}`);
    }
  }
  return { entrants, missing };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
