import { randomUUID } from 'node:crypto';
import { expect } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import { Mark } from './mark.js';
import { runOwn, sendMarked, type World } from './run.js';
import { TRIALS } from './scenarios.js';

const TRIALS_OF_EACH = 50;
const AT_A_TIME = 20;

@Controller('trials')
class TrialsController {
  @Get() set(@Mark() mark: () => void): string {
    mark();
    return 'set';
  }
}

const TESTS: Record<string, (world: World) => Promise<void>> = {
  '1,000 trials, 20 at a time': async (world) => {
    const visitor = async (): Promise<number> => {
      const { session, cookie } = await world.app.sessions.create({ data: { mark: 'before' } });
      let misses = 0;
      for (let trial = 0; trial < TRIALS_OF_EACH; trial++) {
        const mark = randomUUID();
        const exchange = sendMarked(world, { name: 'set', path: '/trials' }, mark, cookie);
        await exchange.head;
        if ((await world.second.read(session.id))?.['mark'] !== mark) misses++;
        await exchange.answer;
      }
      return misses;
    };
    const misses = await Promise.all(Array.from({ length: AT_A_TIME }, visitor));
    expect(misses).toEqual(misses.map(() => 0));
  },
};

runOwn(TRIALS, { controllers: [TrialsController] }, TESTS);
