/**
 * What a session gives for an operation: a promise that knows whether somebody waits for it. Where nobody does, its rejection
 * is no unhandled one, which would end the process: it is for the end of the request to report.
 */
export class Operation<Result> extends Promise<Result> {
  /** What `then()` gives is an ordinary promise. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  /** Whether `then()`, `catch()`, `await` or the like has been called. */
  isWaitedFor = false;
  /** Whether the end of the request is to fail by a failure that nobody waits for. */
  counts: (error: unknown) => boolean = always;
  /** By what it has failed before anybody waited for it. */
  failure: { readonly error: unknown } | null = null;

  static of<Result>(outcome: Promise<Result>): Operation<Result> {
    return new Operation((resolve) => resolve(outcome));
  }

  /** As `then()`, but is no waiting. */
  watch<Watched>(fulfilled: () => Watched, rejected: (error: unknown) => Watched): Promise<Watched> {
    return super.then(fulfilled, rejected);
  }

  // oxlint-disable-next-line unicorn/no-thenable -- all that waits for a promise goes through it
  override then<Fulfilled = Result, Rejected = never>(
    fulfilled?: ((result: Result) => Fulfilled | PromiseLike<Fulfilled>) | null,
    // oxlint-disable-next-line typescript/no-explicit-any -- as the type of Promise has it
    rejected?: ((error: any) => Rejected | PromiseLike<Rejected>) | null,
  ): Promise<Fulfilled | Rejected> {
    this.isWaitedFor = true;
    return super.then(fulfilled, rejected);
  }
}

/** The operations of one session that are under way, or have failed before anybody waited for them. */
export class Unsettled {
  readonly #operations = new Set<Operation<unknown>>();
  readonly #onUnseen: (error: unknown) => boolean;
  /** By what one has failed last that somebody waited for. */
  #lastSeen: unknown = null;

  /** @param onUnseen called when one fails before anybody waits for it; returns whether it has reported that */
  constructor(onUnseen: (error: unknown) => boolean) {
    this.#onUnseen = onUnseen;
  }

  get isEmpty(): boolean {
    return this.#operations.size === 0;
  }

  /** @param counts asked at the end: see {@link Operation.counts} */
  add<Result>(outcome: Promise<Result>, counts = always): Operation<Result> {
    const operation = Operation.of(outcome);
    operation.counts = counts;
    const over = (): void => void this.#operations.delete(operation);
    this.#operations.add(operation);
    void operation.watch(over, (error) => {
      if (operation.isWaitedFor) this.#lastSeen = error;
      if (operation.isWaitedFor || this.#onUnseen(error)) over();
      else operation.failure = { error };
    });
    return operation;
  }

  /** Forgets them, whatever comes of them. */
  clear(): void {
    this.#operations.clear();
  }

  /** Whether one has failed by this that nobody waits for, and none that somebody does. */
  isUnseen(error: unknown): boolean {
    if (error === null || error === this.#lastSeen) return false;
    return [...this.#operations].some((one) => one.failure?.error === error && isOfNobody(one));
  }

  /** Waits for all operations; rejects where one fails that nobody waits for, and that counts. The end of the request learns of it, too. */
  async assertSeen(): Promise<void> {
    const failures = await Promise.all([...this.#operations].map(failureOf));
    const unseen = failures.find((failure) => failure !== null && isUnseen(failure.operation, failure.error));
    if (unseen) throw unseen.error;
  }

  /** Throws what one has failed by that nobody waits for, and that counts. */
  throwUnseen(): void {
    for (const operation of this.#operations) {
      const { failure } = operation;
      if (failure === null || !isUnseen(operation, failure.error)) continue;
      this.#operations.delete(operation);
      throw failure.error;
    }
  }

  /**
   * Waits for those that there are, and for those added meanwhile that nobody waits for, and whose failure always counts: others could
   * go on without end. Rejects where one fails that nobody waits for, and that counts.
   *
   * @param isAnswered whether the handler has answered: who waits only from now on can change nothing of that
   */
  async settled(isAnswered: boolean): Promise<void> {
    // `await` calls then() of a subclass of Promise a turn of the microtask queue later.
    if (isAnswered) await Promise.resolve();
    for (
      let operations = [...this.#operations];
      operations.length > 0;
      operations = [...this.#operations].filter((one) => isOfNobody(one) && one.counts === always)
    ) {
      const before = new Set(operations.filter(isOfNobody));
      const failures = await Promise.all(operations.map(failureOf));
      for (const operation of operations) this.#operations.delete(operation);
      const unseen = failures.find((failure) => {
        if (failure === null) return false;
        const { operation, error } = failure;
        return (isAnswered ? before.has(operation) : isOfNobody(operation)) && operation.counts(error);
      });
      if (unseen) throw unseen.error;
    }
  }
}

const always = (_error: unknown): boolean => true;

const isOfNobody = ({ isWaitedFor }: Operation<unknown>): boolean => !isWaitedFor;

const isUnseen = (operation: Operation<unknown>, error: unknown): boolean =>
  isOfNobody(operation) && operation.counts(error);

function failureOf(operation: Operation<unknown>) {
  return operation.watch(
    () => null,
    (error) => ({ operation, error }),
  );
}
