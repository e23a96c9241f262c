import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { check } from '../../history/checker.js';
import { type Answer, HttpClient } from '../../history/client.js';
import { ClientGroup, type RunContext } from '../../history/client-group.js';
import type { Row } from '../../history/history.js';
import type { Operation } from '../../history/operations.js';
import { excerpt, Report } from '../../history/report.js';
import { rowsInPostgres } from '../../history/rows.js';
import type { World } from '../world.js';

/** Cookies that clients share, and how many share one. */
const GROUPS = 3;
const CLIENTS = 3;
/** Before each request of a client, in milliseconds: the machine is not to be busy all the time. */
const PACE = 25;
/** How long the rows may not be readable, in milliseconds: while a fault lasts. */
const PATIENCE = 60_000;
/** How many violations are told in full. */
const MOST_EXCERPTS = 5;

class PacedClient extends HttpClient {
  override async visit(operations: readonly Operation[], cookie: string | null): Promise<Answer> {
    await pause(PACE);
    return super.visit(operations, cookie);
  }
}

/** The clients of test/history, whose every answer is explained afterwards, as long as it takes. */
export class HistoryLoad {
  /** What made it end early. */
  failure: Error | null = null;
  readonly #report = new Report();
  readonly #http: HttpClient;
  readonly #pool: pg.Pool;
  readonly #context: RunContext;
  readonly #say: (text: string) => unknown;
  #isOver = false;
  #playing: Promise<unknown> = Promise.resolve();

  constructor(world: World, seed: number, say: (text: string) => unknown) {
    this.#say = say;
    this.#http = new PacedClient(world.application.settings.port, GROUPS * CLIENTS);
    this.#pool = new pg.Pool({ connectionString: world.cluster.url(world.database), max: 2, query_timeout: 5_000 });
    this.#pool.on('error', () => {});
    const rows = rowsInPostgres(this.#pool, null);
    let clock = 0;
    this.#context = {
      seed,
      servers: [this.#http],
      spend: () => !this.#isOver,
      tick: () => ++clock,
      rowsOf: (ids) => persistently(() => rows.of(ids)),
      barrier: null,
    };
  }

  get operations(): number {
    return this.#report.operations;
  }

  get violations(): number {
    return this.#report.violations;
  }

  text(): string {
    return this.#report.text();
  }

  start(): void {
    this.#playing = Promise.all(
      Array.from({ length: GROUPS }, async (_, number) => {
        const group = new ClientGroup(number, CLIENTS, this.#context);
        while (!this.#isOver) this.#examine(await group.play());
      }),
    );
    this.#playing.catch((error: Error) => (this.failure = error));
  }

  /** Waits until all that was begun is done and looked at. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#playing;
    this.#http.close();
    await this.#pool.end();
  }

  #examine({ history, profile }: Awaited<ReturnType<ClientGroup['play']>>): void {
    this.#report.add(history);
    this.#report.sessions += history.rows.length;
    for (const violation of check(history)) {
      if (this.#report.addViolation(violation.rule) > MOST_EXCERPTS) continue;
      this.#say(`${excerpt(violation, history)}\n  (in an episode of kind "${profile.name}")`);
    }
  }
}

/** The server may be away. */
async function persistently(read: () => Promise<Row[]>): Promise<Row[]> {
  for (const deadline = performance.now() + PATIENCE; ; await pause(100)) {
    try {
      return await read();
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
  }
}
