import type { SessionId } from '../../session/token.js';
import type { StoreListener } from '../../session-store.js';
import { longerPause } from '../batching/backoff.js';
import type { DedicatedConnection } from './driver/connections.js';
import { CHANGES_CHANNEL } from './sql/announcement.js';

const SHORTEST_PAUSE = 100;
const LONGEST_PAUSE = 5_000;
/** How often the connection is asked for a sign of life, in milliseconds: a half-open one reports nothing by itself. */
const HEARTBEAT = 2_000;
/** A server that is read-only hears nothing of what is written on the primary. */
const SIGN_OF_LIFE = `select current_setting('transaction_read_only') as "isReadOnly"`;

type FeedListener = Pick<StoreListener, 'changed' | 'feedConnected'>;

/**
 * Receives, on a dedicated connection, what other processes announce of changed sessions. When the connection is lost it
 * reports that at once, and connects anew until it listens again.
 */
export class InvalidationFeed {
  readonly #connect: () => DedicatedConnection;
  readonly #instanceId: string;
  readonly #listener: FeedListener;
  #connection: DedicatedConnection | null = null;
  #timer: NodeJS.Timeout | null = null;
  #pause = SHORTEST_PAUSE;
  #isClosed = false;

  /** @param instanceId that of this process, whose own messages it ignores */
  constructor(connect: () => DedicatedConnection, instanceId: string, listener: FeedListener) {
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
    connection.on('notification', ({ payload }) => this.#received(payload ?? ''));
    const late = new Promise<never>((_, reject) => this.#wait(LONGEST_PAUSE, () => reject(new Error('No answer'))));
    try {
      await Promise.race([listen(connection), late]);
    } catch {
      return lost();
    }
    if (this.#connection !== connection) return;
    this.#pause = SHORTEST_PAUSE;
    this.#listener.feedConnected(true);
    this.#beat(connection);
  }

  /** Without waiting: a database that does not answer must not hold up a shutdown. */
  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#connection?.end().catch(() => {});
    this.#connection = null;
  }

  #received(payload: string): void {
    const colon = payload.indexOf(':');
    if (payload.slice(0, colon) === this.#instanceId) return;
    const ids = payload.slice(colon + 1);
    this.#listener.changed(ids === '*' ? null : (ids.split(',') as SessionId[]));
  }

  #lost(connection: DedicatedConnection): void {
    if (this.#connection !== connection) return;
    this.#connection = null;
    this.#listener.feedConnected(false);
    connection.end().catch(() => {});
    if (this.#isClosed) return;
    this.#wait(this.#pause, () => this.start());
    this.#pause = longerPause(this.#pause, LONGEST_PAUSE);
  }

  /** Asks for a sign of life; a connection that has not given one by the next time is lost. */
  #beat(connection: DedicatedConnection): void {
    let isAlive = false;
    check(connection).then(
      () => (isAlive = true),
      () => this.#lost(connection),
    );
    this.#wait(HEARTBEAT, () => {
      if (!isAlive) this.#lost(connection);
      else if (this.#connection === connection) this.#beat(connection);
    });
  }

  #wait(milliseconds: number, then: () => unknown): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(then, milliseconds);
    this.#timer.unref();
  }
}

async function listen(connection: DedicatedConnection): Promise<void> {
  await connection.connect();
  await connection.query({ text: `listen ${CHANGES_CHANNEL}`, values: [] });
  await check(connection);
}

async function check(connection: DedicatedConnection): Promise<void> {
  const { rows } = await connection.query({ text: SIGN_OF_LIFE, values: [] });
  const [row] = (rows ?? []) as { isReadOnly: string }[];
  if (row?.isReadOnly !== 'off') throw new Error('the server is read-only');
}
