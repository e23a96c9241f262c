import { from, lastValueFrom, Subject, toArray } from 'rxjs';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { whileAdmitted } from '../../../../lib/nest/access/while-admitted.js';
import { requestContextOf } from '../../../../lib/nest/context/context-of.js';
import type { RequestContext } from '../../../../lib/nest/context/request-context.js';
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

  it('goes on while the session does, which is asked before each value', async () => {
    expect([await all(), visits.store.lookups]).toEqual([[1, 2, 3], 3]);
  });

  it('is not asked for where it is a single answer, which a guard has just let in, and that may be spared', async () => {
    expect([await all([1]), visits.store.lookups]).toEqual([[1], 1]);
    expect([await all([1], true), visits.store.lookups]).toEqual([[1], 1]);
    await visits.sessions.revokeAll();
    expect([await all([1]), await all([1], true)]).toEqual([[], [1]]);
  });

  it('is asked for before all further values, and before the first unless that may be spared', async () => {
    expect([await all([1, 2, 3], true), visits.store.lookups]).toEqual([[1, 2, 3], 2]);
    expect([await lastValueFrom(whileAdmitted(from([1]), visits.source, context)), visits.store.lookups]).toEqual([
      1, 3,
    ]);
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
