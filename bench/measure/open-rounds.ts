import type { Figures, Method, OpenFigures } from '../results.js';
import type { ServerProcess } from '../server-process.js';
import { closedLoop } from './closed-loop.js';
import type { Entrant } from './entrant.js';
import { type FixedRate, fixedRate, HOPELESS } from './fixed-rate.js';
import { openLoop, type OpenLoopResult } from './open-loop.js';
import { spreadOf } from './statistics.js';
import { type Pace, ROUTES, WARM_UP_AGAIN } from './turn.js';

interface Page {
  readonly entrant: Entrant;
  readonly method: Method;
  readonly rate: FixedRate;
  readonly results: OpenLoopResult[];
}

/** Runs at a rate that ours can take, again in turns. Nothing, where ours has not been measured. */
export async function openRounds(
  entrants: readonly Entrant[],
  closed: readonly Figures[],
  rounds: number,
  pace: Pace,
  signal: AbortSignal,
  onTurn: (name: string, round: number) => void,
): Promise<OpenFigures[]> {
  const pages = (['GET', 'POST'] as const).flatMap((method) => {
    const rate = fixedRate(method, closed);
    if (rate === null) return [];
    return entrants.map((entrant): Page => ({ entrant, method, rate, results: [] }));
  });
  for (let round = 1; round <= rounds; round += 1) {
    for (const entrant of entrants) {
      onTurn(entrant.contestant.name, round);
      await takeOpenTurn(
        entrant,
        pages.filter((page) => page.entrant === entrant),
        pace,
        signal,
      );
    }
  }
  return pages.map((page) => figuresOf(page, pages.find((other) => isBareOf(other, page)) ?? null));
}

async function takeOpenTurn(entrant: Entrant, pages: Page[], pace: Pace, signal: AbortSignal): Promise<void> {
  const { cookies, cookieFile } = entrant;
  let server: ServerProcess | null = null;
  let { warmUp } = pace;
  try {
    for (const { method, rate, results } of pages) {
      if (results.some(({ perSecond }) => perSecond < HOPELESS * rate.perSecond)) continue;
      server ??= await entrant.start(signal);
      const target = { port: server.port, method, path: ROUTES[method] };
      await closedLoop({ ...target, cookieFile, cookieCount: cookies.length }, 64, warmUp, signal);
      const result = await openLoop({ ...target, cookies, rate: rate.perSecond, seconds: pace.duration }, signal);
      results.push(result);
      warmUp = Math.min(warmUp, WARM_UP_AGAIN);
      if (result.holds) continue;
      // One that cannot keep up goes on working off what nobody waits for any more.
      await server.stop();
      server = null;
      ({ warmUp } = pace);
    }
  } finally {
    await server?.stop();
  }
}

function isBareOf(other: Page, page: Page): boolean {
  const { store, platform } = other.entrant.contestant;
  return store === 'none' && platform === page.entrant.contestant.platform && other.method === page.method;
}

function figuresOf({ entrant, method, rate, results }: Page, bare: Page | null): OpenFigures {
  const p50 = spreadOf(results.map((result) => result.p50));
  const p99 = spreadOf(results.map((result) => result.p99));
  return {
    contestant: entrant.contestant.name,
    platform: entrant.contestant.platform,
    method,
    rate: rate.perSecond,
    rateOf: rate.of,
    perSecond: spreadOf(results.map((result) => result.perSecond)),
    p50,
    p99,
    addedP50: bare && p50.median - spreadOf(bare.results.map((result) => result.p50)).median,
    addedP99: bare && p99.median - spreadOf(bare.results.map((result) => result.p99)).median,
    holds: results.every((result) => result.holds),
  };
}
