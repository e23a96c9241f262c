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
  /** Several statements in one text have no values, and a list of results, whose rows nobody looks at. */
  query(query: Query): Promise<{ rows?: unknown[] }>;
}

/** A connection that somebody has to themselves for a while. */
export interface PoolClient extends Queryable {
  /** @param destroy whether it is in a state, or in a transaction, that nobody should find it in */
  release(destroy: boolean): void;
}

/** A connection that is no pool's. */
export interface LoneConnection extends Queryable {
  connect(): Promise<void>;
  end(): Promise<void>;
  on(event: 'error' | 'end', listener: () => void): void;
  on(event: 'notification', listener: (message: { payload?: string | undefined }) => void): void;
}

/** Where connections come from. */
export interface Connections extends Queryable {
  /** @param isForTransaction whether a transaction will be begun on it */
  connect(isForTransaction: boolean): Promise<PoolClient>;
  /** A connection for what lasts, which is not the pool's: a pool may consist of one. `null` where there can be none. */
  readonly lone: (() => LoneConnection) | null;
  /** Whether a query may say in which form it wants its rows. */
  readonly givesRawRows: boolean;
}
