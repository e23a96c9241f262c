import { describe, expect, it } from '@jest/globals';
import { SessionStoreUnavailableError } from '../../../../lib/session.errors.js';
import type { DedicatedConnection } from '../../../../lib/store/postgres/driver/connections.js';
import { SweepClaim } from '../../../../lib/store/postgres/sweep-claim.js';

const unavailable = new SessionStoreUnavailableError('claim the sweep', { cause: new Error('no rights') });

function world(connecting: () => Promise<void> = () => Promise.resolve()) {
  const made: { ended: boolean; lose: () => void }[] = [];
  const answers: { claim: boolean | Error; holds: boolean | Error } = { claim: true, holds: true };
  const connect = (): DedicatedConnection => {
    const one = { ended: false, lose: () => {} };
    made.push(one);
    return {
      connect: connecting,
      end: () => {
        one.ended = true;
        return Promise.resolve();
      },
      query: () => Promise.reject(new Error('No statement of its own.')),
      on: (event: string, listener: (message: { payload: string }) => void) => {
        if (event === 'end') one.lose = () => listener({ payload: '' });
      },
    };
  };
  const answer = (value: boolean | Error) => (value instanceof Error ? Promise.reject(value) : Promise.resolve(value));
  const queries = { claimSweep: () => answer(answers.claim), holdsSweep: () => answer(answers.holds) };
  return { claim: new SweepClaim(connect, queries, 20), answers, made };
}

describe('SweepClaim', () => {
  it('keeps its connection while the server says that it holds the claim', async () => {
    const { claim, made } = world();
    for (let time = 0; time < 3; time++) expect(await claim.claim(1)).toBe(true);
    expect(made).toHaveLength(1);
    claim.release();
    expect(made).toMatchObject([{ ended: true }]);
  });

  it('ends a connection that was not given the claim', async () => {
    const { claim, answers, made } = world();
    answers.claim = false;
    expect(await claim.claim(1)).toBe(false);
    expect(made).toMatchObject([{ ended: true }]);
  });

  it.each([false, new Error('Connection terminated')])(
    'asks on a new connection where the server answers %p, and takes its word',
    async (holds) => {
      const { claim, answers, made } = world();
      await claim.claim(1);
      Object.assign(answers, { holds, claim: false });
      expect(await claim.claim(1)).toBe(false);
      expect(made).toMatchObject([{ ended: true }, { ended: true }]);
    },
  );

  it('asks on a new connection where the one before has ended', async () => {
    const { claim, made } = world();
    await claim.claim(1);
    made[0]?.lose();
    expect(await claim.claim(1)).toBe(true);
    expect(made).toHaveLength(2);
  });

  it('waits for no connection for ever, and ends the attempt', async () => {
    const { claim, made } = world(() => new Promise(() => {}));
    await expect(claim.claim(1)).rejects.toMatchObject({
      code: 'ERR_SESSION_STORE_UNAVAILABLE',
      cause: { message: 'no connection within 20 ms' },
    });
    expect(made).toMatchObject([{ ended: true }]);
  });

  it('passes on why it cannot be claimed', async () => {
    const { claim, answers } = world();
    answers.claim = unavailable;
    await expect(claim.claim(1)).rejects.toBe(unavailable);
  });

  it('is every process’s where there are no dedicated connections', async () => {
    expect(await new SweepClaim(null, world().claim as never).claim(1)).toBe(true);
  });
});
