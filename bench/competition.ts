import { Progress } from '#progress';
import { admitAll } from './admission.js';
import type { Contestant } from './contestants.js';
import type { Environment } from './environment/environment.js';
import type { Entrant } from './measure/entrant.js';
import { measureMemory } from './measure/memory-use.js';
import { onceRounds } from './measure/once-rounds.js';
import { openRounds } from './measure/open-rounds.js';
import { SampleBook } from './measure/sample-book.js';
import { measureStarts, STARTS } from './measure/starts.js';
import { takeTurn } from './measure/turn.js';
import type { BenchOptions } from './options.js';
import { connectionsFor, participants, type Plan, planOf } from './plan.js';
import type { Figures, Results } from './results.js';

/** What came out. */
export type Outcome = Pick<Results, 'closedLoop' | 'openLoop' | 'once' | 'start' | 'memory' | 'missing'>;

/** Admits the contestants and lets them take turns: round by round, so that a slow minute hits all of them. */
export async function compete(
  environment: Environment,
  options: BenchOptions,
  signal: AbortSignal,
  log: (text: string) => void,
): Promise<Outcome> {
  const { rounds } = options;
  const plan = planOf(options);
  const { entrants, missing } = await admitAll(environment, participants(options), signal, log);
  const among = (contestants: readonly Contestant[]): Entrant[] =>
    entrants.filter(({ contestant }) => contestants.includes(contestant));
  const progress = new Progress(process.stderr, 'Took', 'turn', turnsOf(plan, rounds));
  const say = (text: string): void => {
    progress.end();
    log(text);
  };
  const onTurn = (text: string): void => {
    say(text);
    progress.add(1);
  };
  const inRound = (part: string) => (name: string, round: number) =>
    onTurn(`${part}, round ${round}/${rounds}  ${name}`);

  const closedLoop = await closedRounds(among(plan.closed), environment, options, signal, say, () => progress.add(1));
  const openLoop = await openRounds(among(plan.open), closedLoop, rounds, options, signal, inRound('fixed rate'));
  const once = await onceRounds(among(plan.once), environment, rounds, signal, inRound('first writes and logins'));
  const start = plan.hasStart
    ? await measureStarts(environment, signal, (count) =>
        onTurn(`start ${count}/${STARTS}, without and with the module`),
      )
    : null;
  const memory = plan.hasMemory
    ? await measureMemory(environment, rounds, signal, (sessions, round) =>
        inRound('memory')(`${sessions} sessions`, round),
      )
    : null;
  progress.end();
  return { closedLoop, openLoop, once, start, memory, missing };
}

async function closedRounds(
  entrants: readonly Entrant[],
  environment: Environment,
  options: BenchOptions,
  signal: AbortSignal,
  say: (text: string) => void,
  onTurn: () => void,
): Promise<Figures[]> {
  const book = new SampleBook();
  for (let round = 1; round <= options.rounds; round += 1) {
    for (const entrant of entrants) {
      const { contestant } = entrant;
      const counts = connectionsFor(contestant, options);
      await takeTurn(entrant, environment, counts, options, signal, (method, connections, sample) => {
        book.add(contestant, method, connections, sample);
        const rate = `${Math.round(sample.perSecond)}/s`;
        say(`round ${round}/${options.rounds}  ${contestant.name}  ${method} × ${connections}: ${rate}`);
      });
      onTurn();
    }
  }
  return book.figures();
}

function turnsOf({ closed, open, once, hasStart, hasMemory }: Plan, rounds: number): number {
  return rounds * (closed.length + open.length + once.length) + (hasStart ? STARTS : 0) + (hasMemory ? 2 * rounds : 0);
}
