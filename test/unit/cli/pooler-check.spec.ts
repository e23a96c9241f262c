import { describe, expect, it } from '@jest/globals';
import { poolerCheck } from '../../../lib/cli/doctor/server-checks.js';

/** @param backends which backend answers each connection, statement by statement: the last one again and again */
function connections(...backends: readonly (readonly number[])[]) {
  let made = 0;
  const ended: number[] = [];
  const dedicated = () => {
    const number = made++;
    const own = [...(backends[number] as readonly number[])];
    return {
      connect: async () => {},
      end: async () => void ended.push(number),
      on: () => {},
      query: async () => ({ rows: [{ pid: own.length > 1 ? own.shift() : own[0] }] }),
    };
  };
  return { ended, connections: { dedicated } as never };
}

describe('A pooler in the way', () => {
  it.each<[string, number[][], boolean]>([
    ['is none where each connection has a backend of its own', [[1], [2]], false],
    ['is there where two connections have one backend', [[1], [1]], true],
    ['is there where they share one later on', [[1], [2, 2, 1]], true],
    ['is there where a connection is given another backend', [[1, 3], [2]], true],
  ])('%s', async (_what, backends, isThere) => {
    const { connections: made, ended } = connections(...backends);
    const { findings } = await poolerCheck(made);
    expect(findings).toHaveLength(isThere ? 1 : 0);
    expect(ended).toEqual([0, 1]);
  });

  it('cannot be told where the application makes the connections', async () => {
    expect(await poolerCheck({ dedicated: null } as never)).toMatchObject({
      findings: [],
      seen: expect.stringMatching(/not to be told/),
    });
  });
});
