import { SessionStoreUnavailableError } from '../../session.errors.js';
import type { Connections, DedicatedConnection } from './driver/connections.js';
import { withTimeLimit } from '../time-limit.js';
import { loggable } from './driver/error-cause.js';
import type { SessionQueries } from './session-queries.js';

const OPERATION = 'claim the sweep';
/** How long a connection may take, in milliseconds: the server may have to wake up first. */
const LONGEST_CONNECTING = 10_000;

/**
 * Whether it is for this process to sweep, of all that share the table: a lease. It is an advisory lock, which lasts as long as
 * its connection; and the server ends the connection of a process that has not asked for as long as the lease, such as one that
 * is frozen, whose connection would stay for ever.
 */
export class SweepClaim {
  readonly #connect: Connections['dedicated'];
  readonly #queries: Pick<SessionQueries, 'claimSweep' | 'holdsSweep'>;
  readonly #longestConnecting: number;
  #connection: DedicatedConnection | null = null;

  /** @param connect `null` where there are no dedicated connections: then each process sweeps, and they only do the same work twice */
  constructor(
    connect: Connections['dedicated'],
    queries: Pick<SessionQueries, 'claimSweep' | 'holdsSweep'>,
    longestConnecting = LONGEST_CONNECTING,
  ) {
    this.#connect = connect;
    this.#queries = queries;
    this.#longestConnecting = longestConnecting;
  }

  /** @param lease in milliseconds */
  async claim(lease: number): Promise<boolean> {
    if (this.#connect === null) return true;
    if (this.#connection !== null && (await this.#isHeldBy(this.#connection))) return true;
    this.release();
    const connection = this.#connect();
    // A database of one connection is one of one process.
    if (connection.isShared === true) return true;
    const lost = (): void => {
      if (this.#connection === connection) this.#connection = null;
    };
    connection.on('error', lost);
    connection.on('end', lost);
    try {
      await withTimeLimit(connection.connect(), this.#longestConnecting, () => {
        throw new Error(`no connection within ${this.#longestConnecting} ms`);
      });
      if (await this.#queries.claimSweep(OPERATION, lease, connection)) this.#connection = connection;
    } catch (error) {
      if (error instanceof SessionStoreUnavailableError) throw error;
      throw new SessionStoreUnavailableError(OPERATION, { cause: loggable(error) });
    } finally {
      if (this.#connection === null) endSoon(connection);
    }
    return this.#connection !== null;
  }

  release(): void {
    if (this.#connection !== null) endSoon(this.#connection);
    this.#connection = null;
  }

  /** The server has the say: this process may have been frozen. */
  async #isHeldBy(connection: DedicatedConnection): Promise<boolean> {
    try {
      return await this.#queries.holdsSweep(OPERATION, connection);
    } catch {
      // The next connection will show whether it was this one, or the database.
      return false;
    }
  }
}

/** Without waiting: a database that does not answer must not hold up a shutdown. */
function endSoon(connection: DedicatedConnection): void {
  connection.end().catch(() => {});
}
