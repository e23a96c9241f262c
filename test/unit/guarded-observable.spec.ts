import { filter, map, Subject } from 'rxjs';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { GuardedObservable } from '../../lib/guarded-observable.js';

describe('values for subscribers that may fail', () => {
  let source: Subject<number>;
  let reported: unknown[];
  let values: GuardedObservable<number>;
  const error = new Error('of a subscriber');
  const fail = (): never => {
    throw error;
  };

  beforeEach(() => {
    source = new Subject();
    reported = [];
    values = new GuardedObservable(source, (reason) => reported.push(reason));
  });

  it('reach every subscriber, whether it is a function or an observer', () => {
    const got: unknown[] = [];
    values.subscribe((value) => got.push(['function', value]));
    values.subscribe({ next: (value) => got.push(['observer', value]), complete: () => got.push('complete') });
    values.subscribe(null, null, () => got.push('third'));
    values.subscribe(undefined);
    values.subscribe();
    source.next(1);
    source.complete();
    expect([got, reported]).toEqual([[['function', 1], ['observer', 1], 'complete', 'third'], []]);
  });

  it('call an observer as its own methods, and its partner as well', () => {
    const observer = {
      got: [] as unknown[],
      next(value: number): void {
        this.got.push(value);
      },
      error(reason: unknown): void {
        this.got.push(reason);
      },
    };
    values.subscribe(observer);
    source.next(1);
    source.error(error);
    expect([observer.got, reported]).toEqual([[1, error], []]);
  });

  it('reach the others where one throws, or rejects later, which is reported', async () => {
    const got: number[] = [];
    values.subscribe(fail);
    values.subscribe((() => Promise.reject(error)) as () => void);
    values.subscribe({ next: fail, complete: fail });
    values.subscribe((value) => got.push(value));
    source.next(1);
    source.complete();
    await new Promise((resolve) => setImmediate(resolve));
    expect([got, reported]).toEqual([[1], [error, error, error, error]]);
  });

  it('end with an error that is reported, unless the subscriber takes it', () => {
    const got: unknown[] = [];
    values.subscribe(() => {});
    values.subscribe({ error: (reason) => got.push(reason) });
    values.subscribe({ error: fail });
    values.subscribe(null, (reason) => got.push(reason));
    const end = new Error('of the source');
    source.error(end);
    expect([got, reported]).toEqual([
      [end, end],
      [end, error],
    ]);
  });

  it('are guarded through operators, and unsubscribed from', () => {
    const got: unknown[] = [];
    const even = values.pipe(
      filter((value) => value % 2 === 0),
      map((value) => (value === 4 ? fail() : value)),
    );
    expect(even).toBeInstanceOf(GuardedObservable);
    even.subscribe(fail);
    const subscription = even.subscribe((value) => got.push(value));
    source.next(1);
    source.next(2);
    subscription.unsubscribe();
    source.next(4);
    expect([got, reported]).toEqual([[2], [error, error]]);
  });

  it('outlive a report that fails, too', () => {
    values = new GuardedObservable(source, fail);
    const got: number[] = [];
    values.subscribe(fail);
    values.subscribe((value) => got.push(value));
    source.next(1);
    expect(got).toEqual([1]);
  });
});
