import { SessionStoreUnavailableError } from '../../session.errors.js';
import type { Connections, DedicatedConnection } from './driver/connections.js';
import { loggable } from './driver/error-cause.js';
import type { SessionQueries } from './session-queries.js';

const OPERATION = 'claim the sweep';

/** Whether it is for this process to sweep, of all that share the table: an advisory lock, which lasts as long as its connection. */
export class SweepClaim {
  readonly #connect: Connections['dedicated'];
  readonly #queries: SessionQueries;
  #connection: DedicatedConnection | null = null;

  /** @param connect `null` where there are no dedicated connections: then each process sweeps, and they only do the same work twice */
  constructor(connect: Connections['dedicated'], queries: SessionQueries) {
    this.#connect = connect;
    this.#queries = queries;
  }

  async claim(): Promise<boolean> {
    if (this.#connection !== null || this.#connect === null) return true;
    const connection = this.#connect();
    const lost = (): void => {
      if (this.#connection === connection) this.#connection = null;
    };
    connection.on('error', lost);
    connection.on('end', lost);
    try {
      await connection.connect();
      if (await this.#queries.claimSweep(OPERATION, connection)) this.#connection = connection;
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
}

/** Without waiting: a database that does not answer must not hold up a shutdown. */
function endSoon(connection: DedicatedConnection): void {
  connection.end().catch(() => {});
}
