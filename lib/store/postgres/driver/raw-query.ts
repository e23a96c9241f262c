import type { Query } from './connections.js';

/** The parts of a connection of `pg` that a query of one's own talks to, as `pg-cursor` does. */
interface PgConnection {
  readonly stream: { cork(): void; uncork(): void };
  /** The texts of the statements that the server knows by name, and of those that are on their way to it. `pg` keeps both. */
  readonly parsedStatements: Readonly<Record<string, string | undefined>>;
  readonly submittedNamedStatements: Record<string, string | undefined>;
  parse(message: { name: string; text: string }): void;
  bind(message: { statement: string; values: readonly (string | null)[] }): void;
  execute(message: object): void;
  sync(): void;
}

/**
 * Whether a client of `pg` is made of what a {@link RawQuery} needs. Some of it is private to `pg`, which may change it in
 * any version, and a stream of another kind (`stream` of its options) need not be one of Node's.
 */
export function takesRawQueries(client: object): boolean {
  const { connection } = client as { readonly connection?: Readonly<Record<string, unknown>> | null };
  const { stream, parse, bind, execute, sync, parsedStatements, submittedNamedStatements } = connection ?? {};
  const { cork, uncork } = (stream ?? {}) as Readonly<Record<string, unknown>>;
  return (
    [parse, bind, execute, sync, cork, uncork].every((method) => typeof method === 'function') &&
    [parsedStatements, submittedNamedStatements].every((map) => typeof map === 'object' && map !== null)
  );
}

type Done = (error: Error | null, answer?: { rows: unknown[] }) => void;

/**
 * A statement for a client of `pg` that does not ask what its columns are, as `pg`'s own queries do each time: who sent it
 * knows. PostgreSQL need not look them up, nor the driver read their names, which for a statement about few sessions takes it
 * as long as all else that it does.
 */
export class RawQuery {
  // What `pg` looks for under these names: which statement was parsed, and whom to tell.
  readonly name: string;
  readonly text: string;
  callback: Done | undefined;

  readonly #values: readonly (string | null)[];
  readonly #rows: unknown[] = [];

  constructor({ name = '', text, values }: Query) {
    this.name = name;
    this.text = text;
    this.#values = values.map((value) =>
      value === null || value === undefined ? null : String(value as string | number | boolean),
    );
  }

  /** @internal */
  submit(connection: PgConnection): void {
    const { name, text } = this;
    const { stream, parsedStatements, submittedNamedStatements } = connection;
    stream.cork();
    try {
      // https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY
      if (name === '' || (parsedStatements[name] ?? submittedNamedStatements[name]) === undefined) {
        connection.parse({ name, text });
        if (name !== '') submittedNamedStatements[name] = text;
      }
      connection.bind({ statement: name, values: this.#values });
      connection.execute({});
      connection.sync();
    } finally {
      stream.uncork();
    }
  }

  /** @internal */
  handleDataRow({ fields }: { fields: unknown }): void {
    this.#rows.push(fields);
  }

  /** @internal */
  handleCommandComplete(): void {}

  /** @internal */
  handleReadyForQuery(): void {
    this.callback?.(null, { rows: this.#rows });
  }

  /** @internal */
  handleError(error: Error): void {
    this.callback?.(error);
  }
}
