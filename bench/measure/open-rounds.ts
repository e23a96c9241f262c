import type { Figures, Method, OpenFigures } from '../results.js';
import { closedLoop } from './closed-loop.js';
import type { Entrant } from './entrant.js';
import { openLoop, type OpenLoopResult } from './open-loop.js';
import { spreadOf } from './statistics.js';
import { type Pace, ROUTES } from './turn.js';

/** Of what the bare server can take. */
const SHARE_OF_BARE = 0.5;

interface Page {
  readonly entrant: Entrant;
  readonly method: Method;
  readonly rate: number;
  readonly results: OpenLoopResult[];
}

/** Runs at half the rate that a bare server reached, again in turns. Nothing, where no bare server takes part. */
export async function openRounds(
  entrants: readonly Entrant[],
  closed: readonly Figures[],
  rounds: number,
  pace: Pace,
  signal: AbortSignal,
  onTurn: (name: string, round: number) => void,
): Promise<OpenFigures[]> {
  const pages = (['GET', 'POST'] as const).flatMap((method) => {
    const bare = bareRate(method, entrants, closed);
    if (bare === null) return [];
    const rate = Math.round(bare * SHARE_OF_BARE);
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
  for (const { method, rate, results } of pages) {
    // A server for each: one that cannot keep up goes on working off what nobody waits for any more.
    const { port, stop } = await started(entrant, signal);
    try {
      const target = { port, method, path: ROUTES[method] };
      await closedLoop({ ...target, cookieFile, cookieCount: cookies.length }, 64, pace.warmUp, signal);
      results.push(await openLoop({ ...target, cookies, rate, seconds: pace.duration }, signal));
    } finally {
      await stop();
    }
  }
}

async function started(entrant: Entrant, signal: AbortSignal): Promise<{ port: number; stop: () => Promise<void> }> {
  const server = await entrant.start(signal);
  return { port: server.port, stop: () => server.stop() };
}

/** What the slower of the bare servers can take: the same for everybody, and within reach of the generator. */
function bareRate(method: Method, entrants: readonly Entrant[], closed: readonly Figures[]): number | null {
  const bare = entrants
    .filter(({ contestant }) => contestant.store === 'none')
    .map(({ contestant }) => contestant.name);
  const most = Math.max(...closed.map(({ connections }) => connections));
  const rates = closed
    .filter((one) => bare.includes(one.contestant) && one.method === method && one.connections === most)
    .map(({ spread }) => spread.perSecond.median);
  return rates.length === 0 ? null : Math.min(...rates);
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
    rate,
    perSecond: spreadOf(results.map((result) => result.perSecond)),
    p50,
    p99,
    addedP50: bare && p50.median - spreadOf(bare.results.map((result) => result.p50)).median,
    addedP99: bare && p99.median - spreadOf(bare.results.map((result) => result.p99)).median,
    holds: results.every((result) => result.holds),
  };
}
