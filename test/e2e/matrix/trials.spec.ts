import { randomUUID } from 'node:crypto';
import { expect } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import { Refusals } from '../../support/refusals.js';
import { Mark } from './mark.js';
import { idIn, runOwn, sendMarked, sessionCookies, type World } from './run.js';
import { TRIALS } from './scenarios.js';

const TRIALS_OF_EACH = 50;
const AT_A_TIME = 20;
/** How long a row is watched that is not what it should be, in milliseconds: whatever is on its way has come by then. */
const WATCHED = 3_000;

@Controller('trials')
class TrialsController {
  @Get() set(@Mark() mark: () => void): string {
    mark();
    return 'set';
  }
}

/** A write, and what another process saw once it was answered. Times are in milliseconds since the request. */
interface Trial {
  readonly start: number;
  readonly mark: string;
  /** What the visitor has: from before, or from this answer. */
  readonly cookie: string | undefined;
  readonly id: string;
  readonly status: number;
  readonly setCookies: number;
  readonly answeredAfter: number;
  readonly seen: Record<string, unknown> | null;
  readonly seenAfter: number;
}

async function attempt(world: World, known: string | undefined): Promise<Trial> {
  const mark = randomUUID();
  const start = performance.now();
  const exchange = sendMarked(world, { name: 'set', path: '/trials' }, mark, known);
  const { status, headers } = await exchange.head;
  const answeredAfter = performance.now() - start;
  const issued = sessionCookies(headers);
  const cookie = known ?? issued[0]?.split(';')[0];
  const id = idIn(cookie);
  const seen = cookie === undefined ? null : await world.second.read(id);
  const seenAfter = performance.now() - start;
  await exchange.answer;
  return { start, mark, cookie, id, status, setCookies: issued.length, answeredAfter, seen, seenAfter };
}

/** What becomes of a row that is not what it should be: whether the write comes late, or to another row, or never. */
async function watch({ database }: World, { id, mark, start }: Omit<Trial, 'cookie'>): Promise<object> {
  const states: object[] = [];
  let last = '';
  for (const end = performance.now() + WATCHED; performance.now() < end;) {
    const [row] = await database.query(
      'select data, generation, xmin::text as version, updated_at, expires_at from sessions where id::text = $1',
      [id],
    );
    const state = JSON.stringify(row ?? null);
    if (state !== last) states.push({ after: performance.now() - start, row });
    last = state;
  }
  const marked = await database.query(`select id from sessions where data->>'mark' = $1`, [mark]);
  return { states, marked };
}

/** Stores something again and again, up to the first time that what was acknowledged is not there. Returns all about that. */
async function missOf(world: World, refusals: Refusals): Promise<object | null> {
  let cookie: string | undefined;
  for (let number = 0; number < TRIALS_OF_EACH; number++) {
    const { cookie: carried, ...trial } = await attempt(world, cookie);
    cookie = carried;
    if (trial.status === 503) refusals.add({ number, ...trial });
    else if (trial.status !== 200 || trial.seen?.['mark'] !== trial.mark) {
      return { number, ...trial, ...(await watch(world, trial)) };
    }
  }
  return null;
}

const TESTS: Record<string, (world: World) => Promise<void>> = {
  '1,000 trials, 20 at a time': async (world) => {
    const refusals = new Refusals();
    const misses = await Promise.all(Array.from({ length: AT_A_TIME }, () => missOf(world, refusals)));
    expect(misses.filter((miss) => miss !== null)).toEqual([]);
    refusals.assertFew(AT_A_TIME * TRIALS_OF_EACH);
  },
};

runOwn(TRIALS, { controllers: [TrialsController] }, TESTS);
