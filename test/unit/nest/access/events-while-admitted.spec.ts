import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { eventsWhileAdmitted, isEvents } from '../../../../lib/nest/access/while-admitted.js';
import { requestContextOf } from '../../../../lib/nest/context/context-of.js';
import type { RequestContext } from '../../../../lib/nest/context/request-context.js';
import { Visits } from '../visits.js';

class Resolvers {
  ticks(): void {}
}

const DONE = { done: true, value: undefined };

/** Events of an application, which says when it is told to end. */
class Ticks implements AsyncIterable<number> {
  ended = 0;
  #last = 0;
  readonly #count: number;

  constructor(count = 3) {
    this.#count = count;
  }

  [Symbol.asyncIterator](): AsyncIterator<number> {
    return {
      next: async () =>
        this.#last < this.#count ? { done: false, value: ++this.#last } : { done: true, value: 'its own' as never },
      return: async () => {
        this.ended += 1;
        return { done: true, value: undefined };
      },
    };
  }
}

describe('the events of a subscription of a visitor whom a guard has let in', () => {
  let visits: Visits;
  let context: RequestContext;
  let ticks: Ticks;

  beforeEach(async () => {
    visits = new Visits();
    context = requestContextOf(visits.source, visits.call(Resolvers, 'ticks', await visits.cookie({})));
    await context.load();
    context.isAdmitted = true;
    visits.store.lookups = 0;
    ticks = new Ticks();
  });

  const events = (of: AsyncIterable<number> = ticks) =>
    eventsWhileAdmitted(of, visits.source, context, (error) => new Error('told to the client', { cause: error }));

  it('go on while the session does, which is asked before each of them', async () => {
    const got: number[] = [];
    for await (const event of events()) got.push(event);
    expect([got, visits.store.lookups, ticks.ended]).toEqual([[1, 2, 3], 3, 0]);
  });

  it('end as those of the application do', async () => {
    expect(await events(new Ticks(0)).next()).toEqual(DONE);
  });

  it('end, with those of the application, before the next one once the session has ended', async () => {
    const iterator = events();
    expect(await iterator.next()).toEqual({ done: false, value: 1 });
    await visits.sessions.revokeAll();
    expect([await iterator.next(), ticks.ended]).toEqual([DONE, 1]);
  });

  it('are left as they are where no guard has let the visitor in', async () => {
    context.isAdmitted = false;
    await visits.sessions.revokeAll();
    expect([await events().next(), visits.store.lookups]).toEqual([{ done: false, value: 1 }, 0]);
  });

  it('fail, as those of the application end, where the store does not answer', async () => {
    const down = new Error('down');
    jest.spyOn(visits.source.manager, 'isStillSignedIn').mockRejectedValue(down);
    await expect(events().next()).rejects.toMatchObject({ message: 'told to the client', cause: down });
    expect(ticks.ended).toBe(1);
  });

  it('end with those of the application where the client has enough', async () => {
    expect([await events().return?.(), ticks.ended]).toEqual([DONE, 1]);
    for await (const _event of events()) break;
    expect(ticks.ended).toBe(2);
  });

  it('end with those of the application where what reads them fails', async () => {
    const error = new Error('of the reader');
    await expect(events().throw?.(error)).rejects.toBe(error);
    expect(ticks.ended).toBe(1);
  });

  it('need nothing of the application but that it gives the next one', async () => {
    const bare = { [Symbol.asyncIterator]: () => ({ next: async () => ({ done: false as const, value: 1 }) }) };
    expect([await events(bare).next(), await events(bare).return?.()]).toEqual([{ done: false, value: 1 }, DONE]);
  });
});

describe('what a resolver gives', () => {
  it('is events where it can be iterated asynchronously', () => {
    expect([new Ticks(), [1], null, undefined, 'text', { [Symbol.asyncIterator]: 1 }].map(isEvents)).toEqual([
      true,
      false,
      false,
      false,
      false,
      false,
    ]);
  });
});
