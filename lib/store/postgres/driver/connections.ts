/** A statement, as `pg` takes it. */
export interface Query {
  readonly name?: string;
  readonly text: string;
  readonly values: unknown[];
  /** Whether rows come as lists of what PostgreSQL writes, instead of as objects. Values are texts, numbers and truth values then. */
  readonly isRaw?: boolean;
}

/** What takes statements. */
export interface Queryable {
  /** Several statements in one text take no values, and give no rows. */
  query(query: Query): Promise<{ rows?: unknown[] }>;
}

/** A connection that is lent by the pool. */
export interface PoolClient extends Queryable {
  /** @param destroy whether it must not be used again: its state is bad, or it is in a transaction */
  release(destroy: boolean): void;
  /**
   * Instead of `release()`, while a statement is under way that is waited for no longer: it is cancelled, as far as that can
   * be had, and the connection counts as lent until it has ended, so that the server never works for more than a pool of them.
   *
   * @param answer that of the statement
   * @param isReusable whether the connection may be used again once the statement has ended
   */
  abandon(answer: Promise<unknown>, isReusable: boolean): void;
}

/** A connection beside the pool. */
export interface DedicatedConnection extends Queryable {
  /** Whether it stands for the only connection there is, which is not ours to set up. */
  readonly isShared?: boolean;
  connect(): Promise<void>;
  end(): Promise<void>;
  on(event: 'error' | 'end', listener: () => void): void;
  on(event: 'notification', listener: (message: { payload?: string | undefined }) => void): void;
}

/** Where connections come from. */
export interface Connections {
  /** @param isForTransaction whether a transaction will be begun on it */
  connect(isForTransaction: boolean): Promise<PoolClient>;
  /** Has no connection lent again that there is now: one of them has shown a bad state, which the others may share. */
  distrust(): void;
  /** Ends those that are not lent at once, and the others as they come back. Ends nothing that is MikroORM's. */
  close(): void;
  /** Makes a connection beside the pool, for what lasts: a pool may consist of one. `null` where there can be none. */
  readonly dedicated: (() => DedicatedConnection) | null;
  /** Whether the server may end an idle connection: not where its errors have no listener, as they would end the process. */
  readonly mayEnd: boolean;
  /** Whether a query may say in which form it wants its rows. */
  readonly givesRawRows: boolean;
  /** How many there are at most, beside the dedicated ones; `null` where that is not known. */
  readonly most: number | null;
}
