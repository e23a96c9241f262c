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

  const all = (startAt?: number) =>
    lastValueFrom(whileAdmitted(from([1, 2, 3]), visits.source, context, startAt).pipe(toArray()));

  it('goes on while the session does, which is asked before each value', async () => {
    expect([await all(), visits.store.lookups]).toEqual([[1, 2, 3], 3]);
  });

  it('is asked for from a value on', async () => {
    expect([await all(2), visits.store.lookups]).toEqual([[1, 2, 3], 1]);
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

  it('ends at once where the session has ended before, unless it is asked for later', async () => {
    await visits.sessions.revokeAll();
    expect([await all(), await all(2)]).toEqual([[], [1, 2]]);
  });

  it('is left as it is where no guard has let the visitor in', async () => {
    context.isAdmitted = false;
    await visits.sessions.revokeAll();
    expect([await all(), visits.store.lookups]).toEqual([[1, 2, 3], 0]);
  });
});
