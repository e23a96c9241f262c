import { Observable, type Observer, type Operator, Subscriber, type Subscription } from 'rxjs';

type Handler<Value> = ((value: Value) => void) | null | undefined;

/**
 * Values for subscribers that may fail: what one throws, or what an asynchronous one rejects with, is reported, and the others
 * are told all the same. RxJS would throw it in a timer, which ends the process. So it is with what `pipe()` makes of them; what
 * RxJS makes of several observables (`merge()`) is its own.
 */
export class GuardedObservable<Value> extends Observable<Value> {
  readonly #report: (error: unknown) => void;

  constructor(source: Observable<unknown>, report: (error: unknown) => void, operator?: Operator<unknown, Value>) {
    super();
    this.#report = report;
    // As lift() of RxJS has it.
    Object.assign(this, { source, operator });
  }

  override lift<Result>(operator?: Operator<Value, Result>): Observable<Result> {
    return new GuardedObservable<Result>(this, this.#report, operator as Operator<unknown, Result>);
  }

  override subscribe(observer?: Partial<Observer<Value>> | ((value: Value) => void)): Subscription;
  override subscribe(next?: Handler<Value>, error?: Handler<unknown>, complete?: (() => void) | null): Subscription;
  override subscribe(
    first?: Partial<Observer<Value>> | Handler<Value>,
    error?: Handler<unknown>,
    complete?: (() => void) | null,
  ): Subscription {
    // The subscriber of an operator, which hands errors on.
    if (first instanceof Subscriber) return super.subscribe(first);
    const isHandler = typeof first === 'function' || first === null || first === undefined;
    const observer = isHandler ? { next: first, error, complete } : first;
    return super.subscribe({
      next: (value) => this.#guarded(() => observer.next?.(value)),
      error: (reason: unknown) => {
        if (observer.error) this.#guarded(() => observer.error?.(reason));
        else this.#failed(reason);
      },
      complete: () => this.#guarded(() => observer.complete?.()),
    });
  }

  #guarded(work: () => unknown): void {
    try {
      const result = work();
      if (result instanceof Promise) result.catch((error: unknown) => this.#failed(error));
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    try {
      this.#report(error);
    } catch {
      // It cannot even be looked at.
    }
  }
}
