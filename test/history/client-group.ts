import { setTimeout as pause } from 'node:timers/promises';
import type { Answer, HttpClient } from './client.js';
import { hashOf } from './client.js';
import type { Cookie, History, Revocation, Row, Interval, Visit } from './history.js';
import { generateVisit, type Operation, type Profile, PROFILES, type RevocationRequest } from './operations.js';
import { Random } from './random.js';

/** What all groups of a run share. */
export interface RunContext {
  readonly seed: number;
  readonly servers: readonly HttpClient[];
  /** Takes that many operations of what the run is to do. `false`: all is done. */
  readonly spend: (operations: number) => boolean;
  /** The one clock: every call is later than all before. */
  readonly tick: () => number;
  readonly rowsOf: (ids: readonly string[]) => Promise<Row[]>;
  /** Makes sure that every process has heard of all that others have changed so far; `null` if they keep no copies. */
  readonly barrier: (() => Promise<void>) | null;
}

/** How many cookies of ended sessions are kept to be tried again. */
const KEPT = 4;
const LONGEST_EPISODE = 36;
/** How many requests of a client there are between two barriers. */
const ROUND = 6;

/** How often the end of a session is asked for, and how long to wait before the next time, in milliseconds. */
const MOST_TRIES = 300;
const BEFORE_NEXT_TRY = 100;

/**
 * One cookie jar that several clients share, as the tabs of a browser do: they send the same cookie at the same time,
 * through all processes. Episode after episode: a session begins, lives through many requests, and is looked at when all is
 * quiet.
 */
export class ClientGroup {
  readonly #number: number;
  readonly #clients: number;
  readonly #context: RunContext;
  #episodes = 0;
  #writes = 0;
  /** Cookies of earlier episodes, whose sessions have all ended. */
  #endedCookies: string[] = [];

  constructor(number: number, clients: number, context: RunContext) {
    this.#number = number;
    this.#clients = clients;
    this.#context = context;
  }

  /** Plays one episode. All its sessions have ended when it is over. */
  async play(): Promise<{ history: History; profile: Profile; ids: string[] }> {
    const { seed } = this.#context;
    const episode = this.#episodes++;
    const random = Random.of(seed, this.#number, episode);
    const profile = random.pick(PROFILES);
    const current = new Episode(this.#context, this.#number, this.#endedCookies);
    const number = (): number => ++this.#writes;

    await current.visit(0, random, generateVisit(random, profile, current.users, number, true));
    const length = random.integer(8, LONGEST_EPISODE);
    const { barrier, spend } = this.#context;
    const owns = Array.from({ length: this.#clients }, (_, client) => Random.of(seed, this.#number, episode, client));
    const round = barrier === null ? length : ROUND;
    for (let from = 0; from < length; from += round) {
      await Promise.all(
        owns.map(async (own, client) => {
          for (let count = Math.min(round, length - from); count > 0; count--) {
            if (own.chance(profile.revoke)) {
              if (!spend(1)) return;
              await current.revoke(own);
              continue;
            }
            const operations = generateVisit(own, profile, current.users, number);
            if (!spend(operations.filter(({ kind }) => kind !== 'pause').length)) return;
            await current.visit(client, own, operations, own.chance(profile.replay));
          }
        }),
      );
      await current.barrier();
    }
    await current.tryAll(random);
    const ids = current.ids;
    const rows = await this.#context.rowsOf(ids);
    await current.endAll(rows);
    await barrier?.();
    this.#endedCookies = [...current.cookies.slice(-KEPT), ...this.#endedCookies].slice(0, KEPT);
    return { history: { ...current.history(), rows }, profile, ids };
  }
}

/** One episode: the jar, and all that is noted of what happens. */
class Episode {
  readonly users: readonly string[];
  readonly cookies: string[] = [];
  readonly #context: RunContext;
  readonly #indexes = new Map<string, number>();
  readonly #noted: Cookie[] = [];
  readonly #visits: Visit[] = [];
  readonly #revocations: Revocation[] = [];
  readonly #barriers: Interval[] = [];
  #jar: string | null = null;

  constructor(context: RunContext, group: number, endedCookies: readonly string[]) {
    this.#context = context;
    this.users = ['a', 'b', 'c'].map((name) => `${name}${group}`);
    for (const cookie of endedCookies) this.#note(cookie, true);
  }

  /** All sessions that an answer named. */
  get ids(): string[] {
    const traces = this.#visits.flatMap(({ trace }) => (trace === null ? [] : [trace]));
    const named = this.#noted.map(({ id }) => id);
    return [...new Set([...named, ...traces.flatMap(({ id, after }) => (after === null ? [id] : [id, after.id]))])];
  }

  history(): Omit<History, 'rows'> {
    const barriers = this.#context.barrier === null ? null : this.#barriers;
    return { visits: this.#visits, revocations: this.#revocations, cookies: this.#noted, barriers };
  }

  async barrier(): Promise<void> {
    const { barrier, tick } = this.#context;
    if (barrier === null) return;
    const begin = tick();
    await barrier();
    this.#barriers.push({ begin, end: tick() });
  }

  /** One request, with the cookie of the jar; or with some other one of ours, whose answer leaves the jar alone. */
  async visit(client: number, random: Random, operations: Operation[], isReplay = false): Promise<void> {
    const other = isReplay && this.cookies.length > 0 ? random.pick(this.cookies) : null;
    await this.#send(client, random, operations, other ?? this.#jar, other === null);
  }

  /** When all is quiet: which secrets are good for what. */
  async tryAll(random: Random): Promise<void> {
    for (const cookie of this.cookies.slice(-8)) {
      if (!this.#context.spend(1)) return;
      await this.#send(0, random, [{ kind: 'read' }], cookie, false);
    }
  }

  async #send(
    client: number,
    random: Random,
    operations: readonly Operation[],
    cookie: string | null,
    isJar: boolean,
  ): Promise<void> {
    const { servers, tick } = this.#context;
    const process = random.integer(0, servers.length - 1);
    const begin = tick();
    const answer = await (servers[process] as HttpClient).visit(operations, cookie);
    const end = tick();
    const { status, trace, error } = answer;
    const removed = answer.cookie === '';
    const issued = answer.cookie === null || removed ? null : this.#note(answer.cookie);
    const sent = cookie === null ? null : (this.#indexes.get(cookie) ?? null);
    this.#visits.push({ client, process, begin, end, cookie: sent, operations, status, trace, issued, removed, error });
    if (isJar && answer.cookie !== null) this.#jar = removed ? null : answer.cookie;
  }

  async revoke(random: Random): Promise<void> {
    const ids = [...new Set(this.cookies.slice(-6).map((cookie) => cookie.slice(0, 36)))];
    const id = random.chance(0.6) ? this.#jar?.slice(0, 36) : random.pick(ids);
    const user = random.pick(this.users);
    const except = id !== undefined && random.chance(0.5) ? id : null;
    const isOne = id !== undefined && random.chance(0.6);
    await this.#revoke(random, isOne ? { kind: 'revoke', id } : { kind: 'revokeUser', user, except });
  }

  async #revoke(random: Random, request: RevocationRequest): Promise<void> {
    const { servers, tick } = this.#context;
    const process = random.integer(0, servers.length - 1);
    const begin = tick();
    const { status, result }: Answer = await (servers[process] as HttpClient).revoke(request);
    this.#revocations.push({ request, process, begin, end: tick(), status, result });
  }

  /** Ends what is left, past the history. */
  async endAll(rows: readonly Row[]): Promise<void> {
    const server = this.#context.servers[0] as HttpClient;
    await Promise.all(
      rows.map(async ({ id }) => {
        // What comes later takes it for ended, so a server that cannot say so is asked again.
        for (let left = MOST_TRIES; (await server.revoke({ kind: 'revoke', id })).status !== 200; left--) {
          if (left === 0) throw new Error(`Session ${id} could not be ended.`);
          await pause(BEFORE_NEXT_TRY);
        }
      }),
    );
  }

  #note(cookie: string, isFromEarlierEpisode = false): number {
    const known = this.#indexes.get(cookie);
    if (known !== undefined) return known;
    const index = this.#noted.push({ id: cookie.slice(0, 36), hash: hashOf(cookie), isFromEarlierEpisode }) - 1;
    this.#indexes.set(cookie, index);
    this.cookies.push(cookie);
    return index;
  }
}
