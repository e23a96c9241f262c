import { asyncScheduler, concat, from, lastValueFrom, Observable, of, scheduled, Subject, take, toArray } from 'rxjs';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { SessionGoneError } from 'nestjs-mikro-session';
import { whileAdmitted } from '../../../../lib/nest/access/while-admitted.js';
import type { ActiveSession } from '../../../../lib/session/active-session.js';
import { requestContextOf } from '../../../../lib/nest/context/context-of.js';
import type { RequestContext } from '../../../../lib/nest/context/request-context.js';
import { turns } from '../../../support/turns.js';
import { Visits } from '../visits.js';

class Routes {
  stream(): void {}
}

describe('a stream to a visitor whom a guard has let in', () => {
  let visits: Visits;
  let context: RequestContext;

  beforeEach(async () => {
    visits = new Visits();
    context = requestContextOf(visits.source, visits.call(Routes, 'stream', await visits.cookie({})));
    await context.load();
    context.isAdmitted = true;
    visits.store.lookups = 0;
  });

  const all = (values = [1, 2, 3], sparesAnswer = false) =>
    lastValueFrom(whileAdmitted(from(values), visits.source, context, sparesAnswer).pipe(toArray()));

  it('goes on while the session does, which is asked before values that come one by one', async () => {
    const values = new Subject<number>();
    const got = whileAdmitted(values, visits.source, context).pipe(toArray());
    const done = lastValueFrom(got);
    for (const value of [1, 2, 3]) {
      values.next(value);
      await new Promise((resolve) => setImmediate(resolve));
    }
    values.complete();
    expect([await done, visits.store.lookups]).toEqual([[1, 2, 3], 3]);
  });

  it('is asked for once before the values that have come while it was asked for before', async () => {
    const many = Array.from({ length: 500 }, (_, value) => value);
    expect([await all(many), visits.store.lookups]).toEqual([many, 2]);
  });

  it('goes by what is asked after a value has come', async () => {
    const values = new Subject<number>();
    const done = lastValueFrom(whileAdmitted(values, visits.source, context).pipe(toArray()));
    const before = visits.store.holdNext();
    values.next(1);
    while (visits.store.lookups === 0) await new Promise((resolve) => setImmediate(resolve));
    await visits.sessions.revokeAll();
    values.next(2);
    before.resolve();
    expect(await done).toEqual([1]);
  });

  it('is asked for where an answer comes long after the guard has let in', async () => {
    visits.store.ahead = 2_001;
    expect(await all([1], true)).toEqual([1]);
    await visits.sessions.revokeAll();
    await expect(all([1], true)).rejects.toThrow(SessionGoneError);
  });

  it('has such an answer where the handler has ended the session itself', async () => {
    const session = await context.load();
    await session.logout();
    visits.store.ahead = 2_001;
    expect(await all([1], true)).toEqual([1]);
  });

  it.each<[string, (session: ActiveSession) => void]>([
    ['logout()', (session) => void session.logout()],
    ['destroy() that calls back', (session) => session.destroy(() => {})],
  ])('has such an answer, too, while a %s of the handler is under way', async (_, end) => {
    const remove = visits.store.delete.bind(visits.store);
    visits.store.delete = (...given) => turns().then(() => remove(...given));
    end(await context.load());
    visits.store.ahead = 2_001;
    expect(await all([1], true)).toEqual([1]);
  });

  it('stops a source without an end when nobody listens any more', async () => {
    context.isAdmitted = false;
    let asked = 0;
    const endless = new Observable<number>((subscriber) => {
      while (!subscriber.closed && asked < 1_000) subscriber.next(asked++);
    });
    const listener = whileAdmitted(endless, visits.source, context).pipe(take(3), toArray());
    expect(await lastValueFrom(listener)).toEqual([0, 1, 2]);
    expect(asked).toBeLessThan(10);
  });

  it('is not asked for where it is a single answer, which a guard has just let in, and that may be spared', async () => {
    expect([await all([1]), visits.store.lookups]).toEqual([[1], 1]);
    expect([await all([1], true), visits.store.lookups]).toEqual([[1], 1]);
    await visits.sessions.revokeAll();
    expect([await all([1]), await all([1], true)]).toEqual([[], [1]]);
  });

  it('is asked for before all further values, and before the first unless that may be spared', async () => {
    const values = (): Observable<number> => concat(of(1), scheduled([2], asyncScheduler));
    const got = (sparesAnswer: boolean): Promise<number[]> =>
      lastValueFrom(whileAdmitted(values(), visits.source, context, sparesAnswer).pipe(toArray()));
    expect([await got(true), visits.store.lookups]).toEqual([[1, 2], 2]);
    expect([await got(false), visits.store.lookups]).toEqual([[1, 2], 4]);
  });

  it('ends before its first value, if that comes once the session has ended, and is no answer', async () => {
    const values = new Subject<number>();
    const done = lastValueFrom(whileAdmitted(values, visits.source, context, true).pipe(toArray()));
    await visits.sessions.revokeAll();
    values.next(1);
    expect(await done).toEqual([]);
  });

  it('ends before the next value once the session has ended', async () => {
    const values = new Subject<number>();
    const got: number[] = [];
    const done = Promise.withResolvers<void>();
    whileAdmitted(values, visits.source, context).subscribe({
      next: (value) => got.push(value),
      complete: done.resolve,
    });
    values.next(1);
    await new Promise((resolve) => setImmediate(resolve));
    await visits.sessions.revokeAll();
    values.next(2);
    await done.promise;
    expect(got).toEqual([1]);
  });

  it('ends at once where the session has ended before', async () => {
    await visits.sessions.revokeAll();
    expect(await all()).toEqual([]);
  });

  it('is left as it is where no guard has let the visitor in', async () => {
    context.isAdmitted = false;
    await visits.sessions.revokeAll();
    expect([await all(), visits.store.lookups]).toEqual([[1, 2, 3], 0]);
  });
});
