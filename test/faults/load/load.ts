import { setTimeout as pause } from 'node:timers/promises';
import { Random } from '../../history/random.js';
import type { Cluster } from '../postgres/cluster.js';
import { type Answer, HttpClient } from './http.js';
import { expected, Ledger } from './ledger.js';
import { Visitor } from './visitor.js';

export interface LoadSettings {
  readonly seed: number;
  readonly port: number;
  /** Of the process that ends sessions by the service. */
  readonly administrationPort: number;
  readonly hearing: number;
}

const VISITORS = 12;
/** In milliseconds. */
const PULSE = 50;
/** How many dead cookies are tried at the end, of those that died last. */
const MOST_DEAD = 300;
/** How many are asked at the same time. */
const AT_ONCE = 8;

/** Visitors that come and go, all the time, and what they met with. */
export class Load {
  readonly ledger = new Ledger();
  readonly answers: Answer[] = [];
  /** Sessions that were not shown at the end. */
  unread = 0;
  readonly http: HttpClient;
  readonly #administration: HttpClient;
  readonly #visitors: Visitor[];
  #isOver = false;
  #living: Promise<unknown> = Promise.resolve();

  constructor({ seed, port, administrationPort, hearing }: LoadSettings) {
    this.http = new HttpClient(port);
    this.#administration = new HttpClient(administrationPort);
    const around = {
      ledger: this.ledger,
      http: this.http,
      administration: this.#administration,
      note: (answer: Answer) => void this.answers.push(answer),
      hearing,
    };
    this.#visitors = Array.from(
      { length: VISITORS },
      (_, number) => new Visitor(`visitor-${number}`, Random.of(seed, number), around),
    );
  }

  start(): void {
    const living = this.#visitors.map((visitor) => visitor.live(() => this.#isOver));
    this.#living = Promise.all([...living, this.#pulse()]);
    // Looked at when it is stopped.
    this.#living.catch(() => {});
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#living;
  }

  /** Somebody who does not wait for answers: all others may be waiting at the moment when a fault ends. */
  async #pulse(): Promise<void> {
    let cookie: string | null = null;
    const under: Promise<unknown>[] = [];
    for (; !this.#isOver; await pause(PULSE)) {
      if (cookie === null) ({ cookie } = await this.http.send('POST', '/write', null, { last: 1 }));
      else under.push(this.http.send('GET', '/state', cookie).then((answer) => this.answers.push(answer)));
    }
    await Promise.all(under);
  }

  close(): void {
    this.http.close();
    this.#administration.close();
  }

  /** The cookies of sessions that visitors have at the moment. */
  get cookies(): string[] {
    return this.#visitors.flatMap(({ account }) => account?.cookie ?? []);
  }

  /** The ids of sessions that visitors have at the moment. */
  get ids(): string[] {
    return this.#visitors.flatMap(({ account }) => account?.id ?? []);
  }

  /** When all is quiet: reads every session by its cookie and past the library, and tries the dead ones. */
  async verify(cluster: Cluster, database: string, table = 'sessions'): Promise<void> {
    const { accounts, dead } = this.ledger;
    const live = accounts.filter(({ fate }) => fate === 'live');
    await eachOf(live, async (account) => {
      if (account.cookie === null) return;
      const answer = await this.http.send('GET', '/state', account.cookie);
      if (answer.status === 200) this.ledger.compare(expected(account), answer.body, 'at the end, by its cookie');
      else this.unread += 1;
    });
    const [visitor] = this.#visitors as [Visitor];
    await eachOf(dead.slice(-MOST_DEAD), (cookie) => visitor.tryDead(cookie, 'at the end'));
    const rows = await cluster.query<{ id: string; last?: number; count?: number }>(
      database,
      `select id::text, (data->>'last')::int as last, (data->>'count')::int as count from ${table}`,
    );
    const byId = new Map(rows.map((row) => [row.id, row]));
    for (const account of live) this.ledger.compare(expected(account), byId.get(account.id) ?? null, 'in the table');
    for (const cookie of dead) {
      if (!cookie.isReplaced && byId.has(cookie.id)) this.ledger.revive(cookie, 'in the table');
    }
  }
}

async function eachOf<Item>(items: readonly Item[], use: (item: Item) => Promise<unknown>): Promise<void> {
  const left = items.values();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const item of left) await use(item);
    }),
  );
}
