import type { SessionId } from '../../session/token.js';
import type { StoreListener } from '../../session-store.js';
import { longerPause } from '../batching/backoff.js';
import type { DedicatedConnection } from './driver/connections.js';
import { CHANGES_CHANNEL } from './sql/announcement.js';

const SHORTEST_PAUSE = 100;
const LONGEST_PAUSE = 5_000;
/**
 * How often the connection is tried, in milliseconds: a half-open one reports nothing by itself, and a pooler that shares
 * connections takes the LISTEN, and lets no message through.
 */
const HEARTBEAT = 2_000;
/** Sends a message to all processes, on another connection. */
type Announce = (payload: string) => Promise<unknown>;

/** A server that is read-only hears nothing of what is written on the primary. */
const SIGN_OF_LIFE = `select current_setting('transaction_read_only') as "isReadOnly"`;

/** What a connection has shown since it was last tried. */
interface Seen {
  isAlive: boolean;
  isSent: boolean;
  isHeard: boolean;
}

type FeedListener = Pick<StoreListener, 'changed' | 'feedConnected'>;

/**
 * Receives, on a dedicated connection, what other processes announce of changed sessions. When the connection is lost it
 * reports that at once, and connects anew until it listens again.
 */
export class InvalidationFeed {
  readonly #connect: () => DedicatedConnection;
  readonly #instanceId: string;
  readonly #listener: FeedListener;
  readonly #announce: Announce;
  #heard: (() => void) | null = null;
  #connection: DedicatedConnection | null = null;
  #timer: NodeJS.Timeout | null = null;
  #pause = SHORTEST_PAUSE;
  #isClosed = false;

  /** @param instanceId that of this process, whose own messages tell it only that it hears */
  constructor(connect: () => DedicatedConnection, instanceId: string, listener: FeedListener, announce: Announce) {
    this.#connect = connect;
    this.#instanceId = instanceId;
    this.#listener = listener;
    this.#announce = announce;
  }

  /** Resolves once it listens, or has failed to: it tries again by itself then. */
  async start(): Promise<void> {
    const connection = this.#made();
    if (connection === null) return;
    // Not by its queries alone: none is under way while it waits to hear itself.
    const gone = Promise.withResolvers<never>();
    const lost = (): void => {
      this.#lost(connection);
      gone.reject(new Error('The connection was lost'));
    };
    gone.promise.catch(() => {});
    connection.on('error', lost);
    connection.on('end', lost);
    connection.on('notification', ({ payload }) => {
      if (this.#connection === connection) this.#received(payload ?? '');
    });
    const late = new Promise<never>((_, reject) => this.#wait(LONGEST_PAUSE, () => reject(new Error('No answer'))));
    try {
      await Promise.race([this.#listen(connection), late, gone.promise]);
    } catch {
      return this.#lost(connection);
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

  /** @returns `null` where none can be made, which is tried again: settings may be functions of the application, which throw */
  #made(): DedicatedConnection | null {
    try {
      return (this.#connection = this.#connect());
    } catch {
      this.#startAgain();
      return null;
    }
  }

  async #listen(connection: DedicatedConnection): Promise<void> {
    await connection.connect();
    await connection.query({ text: `listen ${CHANGES_CHANNEL}`, values: [] });
    await assertWritable(connection);
    const { sent, heard } = this.#tellItself();
    await sent;
    await heard;
  }

  /** While nothing is asked on the feed's connection: a pooler might lend both the same one, which hears what itself has said. */
  #tellItself(): { readonly sent: Promise<unknown>; readonly heard: Promise<void> } {
    const heard = new Promise<void>((resolve) => (this.#heard = resolve));
    return { sent: this.#announce(`${this.#instanceId}:`), heard };
  }

  #received(payload: string): void {
    const colon = payload.indexOf(':');
    const ids = payload.slice(colon + 1);
    if (payload.slice(0, colon) === this.#instanceId) return this.#heard?.();
    // Another process tries whether it hears.
    if (ids === '') return;
    this.#listener.changed(ids === '*' ? null : (ids.split(',') as SessionId[]));
  }

  #lost(connection: DedicatedConnection): void {
    if (this.#connection !== connection) return;
    this.#connection = null;
    connection.end().catch(() => {});
    this.#startAgain();
  }

  #startAgain(): void {
    this.#listener.feedConnected(false);
    if (this.#isClosed) return;
    this.#wait(this.#pause, () => this.start());
    this.#pause = longerPause(this.#pause, LONGEST_PAUSE);
  }

  /** A connection that gives no sign of life by the next time, or on which a message that was sent was not heard, is lost. */
  #beat(connection: DedicatedConnection): void {
    const seen = { isAlive: false, isSent: false, isHeard: false };
    this.#try(connection, seen).catch(() => this.#lost(connection));
    this.#wait(HEARTBEAT, () => {
      if (!seen.isAlive || (seen.isSent && !seen.isHeard)) this.#lost(connection);
      else if (this.#connection === connection) this.#beat(connection);
    });
  }

  async #try(connection: DedicatedConnection, seen: Seen): Promise<void> {
    await assertWritable(connection);
    seen.isAlive = true;
    const { sent, heard } = this.#tellItself();
    void heard.then(() => {
      seen.isHeard = true;
    });
    try {
      await sent;
      seen.isSent = true;
    } catch {
      // That the pool is busy, or out of reach, says nothing of what is heard.
    }
  }

  #wait(milliseconds: number, then: () => unknown): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(then, milliseconds);
    this.#timer.unref();
  }
}

async function assertWritable(connection: DedicatedConnection): Promise<void> {
  const { rows } = await connection.query({ text: SIGN_OF_LIFE, values: [] });
  const [row] = (rows ?? []) as { isReadOnly: string }[];
  if (row?.isReadOnly !== 'off') throw new Error('the server is read-only');
}
