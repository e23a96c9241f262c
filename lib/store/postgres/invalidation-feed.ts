import type { SessionId } from '../../session/token.js';
import type { ChangeListener } from '../../session-store.js';
import { longerPause } from '../batching/backoff.js';
import type { LoneConnection } from './driver/connections.js';
import { CHANGES_CHANNEL } from './sql/announcement.js';

const SHORTEST_PAUSE = 100;
const LONGEST_PAUSE = 5_000;
/** A connection that died without a word is found out by asking it this often, in milliseconds. */
const HEARTBEAT = 2_000;

/**
 * Listens, on a connection of its own, to what other processes tell of changed sessions. When the connection is lost it
 * says so at once, and begins anew until it listens again.
 */
export class InvalidationFeed {
  readonly #connect: () => LoneConnection;
  readonly #instanceId: string;
  readonly #listener: ChangeListener;
  #connection: LoneConnection | null = null;
  #timer: NodeJS.Timeout | null = null;
  #pause = SHORTEST_PAUSE;
  #isClosed = false;

  /** @param instanceId that of this process, whose own messages it ignores */
  constructor(connect: () => LoneConnection, instanceId: string, listener: ChangeListener) {
    this.#connect = connect;
    this.#instanceId = instanceId;
    this.#listener = listener;
  }

  async start(): Promise<void> {
    const connection = this.#connect();
    this.#connection = connection;
    const lost = (): void => this.#lost(connection);
    connection.on('error', lost);
    connection.on('end', lost);
    connection.on('notification', ({ payload }) => this.#heard(payload ?? ''));
    try {
      await connection.connect();
      await connection.query({ text: `listen ${CHANGES_CHANNEL}`, values: [] });
    } catch {
      return lost();
    }
    if (this.#connection !== connection) return;
    this.#pause = SHORTEST_PAUSE;
    this.#listener.hearing(true);
    this.#beat(connection);
  }

  /** Without waiting: a database that does not answer must hold up nobody. */
  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#connection?.end().catch(() => {});
    this.#connection = null;
  }

  #heard(payload: string): void {
    const colon = payload.indexOf(':');
    if (payload.slice(0, colon) === this.#instanceId) return;
    const ids = payload.slice(colon + 1);
    this.#listener.changed(ids === '*' ? null : (ids.split(',') as SessionId[]));
  }

  #lost(connection: LoneConnection): void {
    if (this.#connection !== connection) return;
    this.#connection = null;
    this.#listener.hearing(false);
    connection.end().catch(() => {});
    if (this.#isClosed) return;
    this.#wait(this.#pause, () => this.start());
    this.#pause = longerPause(this.#pause, LONGEST_PAUSE);
  }

  /** Asks whether it still listens; whoever does not answer until the next time is lost. */
  #beat(connection: LoneConnection): void {
    let hasAnswered = false;
    connection.query({ text: 'select 1', values: [] }).then(
      () => (hasAnswered = true),
      () => this.#lost(connection),
    );
    this.#wait(HEARTBEAT, () => {
      if (!hasAnswered) this.#lost(connection);
      else if (this.#connection === connection) this.#beat(connection);
    });
  }

  #wait(milliseconds: number, then: () => unknown): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(then, milliseconds);
    this.#timer.unref();
  }
}
