import { setTimeout as pause } from 'node:timers/promises';
import type { Random } from '../../history/random.js';
import type { Answer, HttpClient } from './http.js';
import { type Account, type DeadCookie, expected, type Ledger } from './ledger.js';

/** What visitors share. */
export interface Surroundings {
  readonly ledger: Ledger;
  readonly http: HttpClient;
  /** For what ends sessions by the service: another process, maybe. */
  readonly administration: HttpClient;
  /** Told every answer. */
  readonly note: (answer: Answer) => void;
  /** How long an end may take to be heard of by all processes, in milliseconds. */
  readonly hearing: number;
}

/** What a visitor does next, and how often. */
const HABITS = {
  read: 30,
  guarded: 10,
  write: 20,
  increment: 18,
  login: 4,
  logout: 3,
  revoke: 3,
  /** Sends a cookie that is dead. */
  haunt: 12,
};
/** Between two requests of a visitor, in milliseconds. */
const SHORTEST_PAUSE = 5;
const LONGEST_PAUSE = 25;
/** How many of the cookies that died last are tried most. */
const RECENT = 20;

/** Somebody who does one thing after the other, and remembers what was acknowledged. */
export class Visitor {
  readonly #name: string;
  readonly #random: Random;
  readonly #around: Surroundings;
  #account: Account | null = null;

  constructor(name: string, random: Random, around: Surroundings) {
    this.#name = name;
    this.#random = random;
    this.#around = around;
  }

  /** The session it has at the moment. */
  get account(): Account | null {
    return this.#account;
  }

  /** Does things until it is told to stop. */
  async live(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      await this.#act();
      await pause(this.#random.integer(SHORTEST_PAUSE, LONGEST_PAUSE));
    }
  }

  async #act(): Promise<void> {
    const account = this.#account;
    if (account === null) return this.#arrive();
    const habit = this.#random.weighted(HABITS);
    switch (habit) {
      case 'read':
        return this.#look(account, '/state');
      case 'guarded':
        return this.#look(account, '/guarded');
      case 'write':
        return this.#write(account);
      case 'increment':
        return this.#increment(account);
      case 'login':
        return this.#login(account);
      case 'logout':
        return this.#end(account, this.#post('/logout', account));
      case 'revoke':
        return this.#revoke(account);
      case 'haunt':
        return this.#haunt();
    }
  }

  async #arrive(): Promise<void> {
    const { ledger } = this.#around;
    const answer = await this.#noted(this.#around.http.send('POST', '/write', null, { last: 1 }));
    if (answer.status !== 200 || !answer.cookie) return;
    this.#account = ledger.open(answer.body.id as string, answer.cookie);
    Object.assign(this.#account.last, { acknowledged: 1, tried: 1 });
    ledger.acknowledged += 1;
    // Most are signed in, as `/guarded` is for these only.
    await this.#login(this.#account);
  }

  async #look(account: Account, path: string): Promise<void> {
    const known = expected(account);
    const answer = await this.#noted(this.#around.http.send('GET', path, account.cookie));
    this.#check(account, known, answer, path);
  }

  async #write(account: Account): Promise<void> {
    const number = ++account.last.tried;
    const known = expected(account);
    const answer = await this.#post('/write', account, { last: number });
    if (!this.#check(account, known, answer, '/write')) return;
    account.last.acknowledged = number;
    this.#around.ledger.acknowledged += 1;
  }

  async #increment(account: Account): Promise<void> {
    account.count.tried += 1;
    const known = expected(account);
    const answer = await this.#post('/increment', account);
    if (!this.#check(account, known, answer, '/increment')) return;
    account.count.acknowledged += 1;
    this.#around.ledger.acknowledged += 1;
  }

  async #login(account: Account): Promise<void> {
    const { ledger } = this.#around;
    const known = expected(account);
    const answer = await this.#post('/login', account, { user: this.#name });
    if (answer.status !== 200 && answer.status !== 401) {
      // It may have come about, and then the cookie that goes on with it is lost.
      account.cookie = null;
      this.#account = null;
      return;
    }
    if (!this.#check(account, known, answer, '/login')) return;
    if (!answer.cookie) throw new Error('A login set no cookie.');
    ledger.acknowledged += 1;
    ledger.bury(account, true);
    account.cookie = answer.cookie;
  }

  /** By the service, while the visitor is writing, every other time. */
  async #revoke(account: Account): Promise<void> {
    const writing = this.#random.chance(0.5) ? this.#post('/increment', account) : null;
    const revoking = this.#noted(this.#around.administration.send('POST', '/revoke', null, { id: account.id }));
    await this.#end(account, revoking);
    await writing;
  }

  async #end(account: Account, ending: Promise<Answer>): Promise<void> {
    this.#account = null;
    account.fate = 'unclear';
    if ((await ending).status === 200) this.#around.ledger.close(account);
  }

  async #haunt(): Promise<void> {
    const { ledger } = this.#around;
    const cookies = this.#random.chance(0.7) ? ledger.dead.slice(-RECENT) : ledger.dead;
    if (cookies.length > 0) await this.tryDead(this.#random.pick(cookies), 'under load');
  }

  /** Sends a dead cookie, which must open nothing. Returns the status of the answer. */
  async tryDead(dead: DeadCookie, when: string): Promise<number> {
    const { ledger, http, hearing } = this.#around;
    const mayBeUnheard = performance.now() - dead.since < hearing;
    const answer = await this.#noted(http.send('GET', '/guarded', dead.cookie));
    if (answer.status === 200 && !mayBeUnheard) ledger.revive(dead, when);
    return answer.status;
  }

  #post(path: string, { cookie }: Account, content: object = {}): Promise<Answer> {
    return this.#noted(this.#around.http.send('POST', path, cookie, content));
  }

  async #noted(asked: Promise<Answer>): Promise<Answer> {
    const answer = await asked;
    this.#around.note(answer);
    return answer;
  }

  /** Whether the visitor was served; what was read is held against what was acknowledged. */
  #check(account: Account, known: ReturnType<typeof expected>, answer: Answer, path: string): boolean {
    const isServed = answer.status === 200;
    if (!isServed && answer.status !== 401) return false;
    // What is tried meanwhile is this visitor's, and so already among what is known.
    this.#around.ledger.compare(known, isServed ? answer.body : null, path);
    if (answer.body.id === account.id) return isServed;
    // Told once: it goes on with another.
    account.fate = 'unclear';
    this.#account = null;
    return false;
  }
}
