import { connectionOptions, type PgClient, type PgPool } from './session-pool.js';

/** What is not documented of a client of `pg`, and may be missing in another version. */
interface CancellableClient {
  readonly host: string;
  readonly port: number;
  readonly ssl: unknown;
  readonly sslNegotiation?: string;
  readonly processID: number;
  readonly secretKey: number;
}

/** The same of what it talks through. */
interface CancelConnection {
  readonly stream: { destroy(): void };
  connect(port: number, host: string): void;
  connect(path: string): void;
  requestSsl(): void;
  cancel(processId: number, secretKey: number): void;
  on(event: 'connect' | 'sslconnect' | 'end' | 'error', listener: () => void): void;
}

/** A cancel request that is under way. */
export interface CancelRequest {
  /**
   * Whether the server has taken the request, which from then on cannot hit another statement. Not whether there was anything
   * to be cancelled. Stays pending where the server does not answer.
   */
  readonly taken: Promise<boolean>;
  /** Waits no longer. */
  giveUp(): void;
}

/**
 * Asks the server to cancel what it runs for a client, on a connection of its own that no pool and no `max_connections`
 * limits: https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-CANCELING-REQUESTS. (`pg` has the same for
 * connections without TLS only.)
 */
export function requestCancel(pool: PgPool, target: PgClient): CancelRequest {
  const client = target as PgClient & Partial<CancellableClient>;
  const connection = connectionOf(pool);
  if (!isCancellable(client) || !takesCancel(connection)) return { taken: Promise.resolve(false), giveUp: () => {} };
  const { host, port, ssl, sslNegotiation, processID, secretKey } = client;
  const taken = new Promise<boolean>((resolve) => {
    const cancel = (): void => connection.cancel(processID, secretKey);
    connection.on('error', () => resolve(false));
    connection.on('end', () => resolve(true));
    connection.on('sslconnect', cancel);
    if (!ssl) connection.on('connect', cancel);
    else if (sslNegotiation !== 'direct') connection.on('connect', () => connection.requestSsl());
    try {
      if (host.startsWith('/')) connection.connect(`${host}/.s.PGSQL.${port}`);
      else connection.connect(port, host);
    } catch {
      // The stream may be the application's own.
      resolve(false);
    }
  });
  return { taken, giveUp: () => connection.stream.destroy() };
}

/** Not yet connected; `null` where none can be made: settings may be functions of the application, such as what makes the stream. */
function connectionOf(pool: PgPool): Partial<CancelConnection> | null | undefined {
  try {
    return new pool.Client(connectionOptions(pool)).connection as Partial<CancelConnection> | null | undefined;
  } catch {
    return null;
  }
}

function isCancellable(client: Partial<CancellableClient>): client is CancellableClient {
  const { host, port, processID, secretKey } = client;
  return typeof host === 'string' && [port, processID, secretKey].every((number) => typeof number === 'number');
}

function takesCancel(connection: Partial<CancelConnection> | null | undefined): connection is CancelConnection {
  const { connect, requestSsl, cancel, on } = connection ?? {};
  return [connect, requestSsl, cancel, on].every((method) => typeof method === 'function');
}
