import type { State } from '../application/protocol.js';

/** A session, and what a visitor was told of it. */
export interface Account {
  readonly id: string;
  /** `null` once it is not known which one is good, after a login without an answer. */
  cookie: string | null;
  /** Whether it is there; or whether that cannot be known, as its end was asked for and not answered. */
  fate: 'live' | 'ended' | 'unclear';
  /** The highest number whose write was acknowledged, and the highest that was tried: numbers only grow. */
  readonly last: Bounds;
  /** How many increments were acknowledged, and tried. */
  readonly count: Bounds;
}

interface Bounds {
  acknowledged: number;
  tried: number;
}

/** A cookie that opens nothing from a moment on, as its visitor was told. */
export interface DeadCookie {
  readonly cookie: string;
  readonly id: string;
  /** By a new login its session lives on; otherwise it has ended. */
  readonly isReplaced: boolean;
  /** When that was acknowledged, on `performance.now()`. */
  readonly since: number;
}

/** How many broken promises are told in full. */
const MOST_STORIES = 5;

/** What was acknowledged, against which everything that is read is held. */
export class Ledger {
  readonly accounts: Account[] = [];
  readonly dead: DeadCookie[] = [];
  /** Writes and ends of sessions that were acknowledged. */
  acknowledged = 0;
  /** Acknowledged writes that were not there. */
  lost = 0;
  /** Sessions and cookies that were good after their end. */
  revived = 0;
  /** What was seen, for a reader who looks for the reason. */
  readonly stories: string[] = [];

  open(id: string, cookie: string): Account {
    const account: Account = {
      id,
      cookie,
      fate: 'live',
      last: { acknowledged: 0, tried: 0 },
      count: { acknowledged: 0, tried: 0 },
    };
    this.accounts.push(account);
    return account;
  }

  /** Ends a session by an acknowledgment. */
  close(account: Account): void {
    this.acknowledged += 1;
    account.fate = 'ended';
    this.bury(account, false);
  }

  /** Notes that a session's cookie is dead. */
  bury({ id, cookie }: Account, isReplaced: boolean): void {
    if (cookie !== null) this.dead.push({ cookie, id, isReplaced, since: performance.now() });
  }

  /**
   * Holds what is there against what was acknowledged before it was asked for.
   *
   * @param found `null` where the session is not there
   */
  compare(known: Expected, found: Partial<State> | null, where: string): void {
    if (found === null || found.id !== known.id) {
      this.#lose(`${where}: session ${known.id} is not there`);
      return;
    }
    const values = { last: found.last ?? 0, count: found.count ?? 0 };
    for (const name of ['last', 'count'] as const) {
      const value = values[name];
      const { acknowledged, tried } = known[name];
      if (value >= acknowledged && value <= tried) continue;
      this.#lose(`${where}: ${name} of ${known.id} is ${value}, but ${acknowledged} was acknowledged, ${tried} tried`);
    }
  }

  revive({ id, isReplaced, since }: DeadCookie, where: string): void {
    this.revived += 1;
    const what = isReplaced ? 'a cookie from before a login' : 'the cookie of a session that was ended';
    const age = Math.round(performance.now() - since);
    this.#tell(`${where}: ${what} (${id}) opens it again, ${age} ms after`);
  }

  #lose(story: string): void {
    this.lost += 1;
    this.#tell(story);
  }

  #tell(story: string): void {
    if (this.stories.length < MOST_STORIES) this.stories.push(story);
  }
}

/** What must be found, as things are when it is asked for. */
export type Expected = Readonly<Pick<Account, 'id'> & Record<'last' | 'count', Readonly<Bounds>>>;

/** A copy that later acknowledgments leave alone. What was tried later may be found, too. */
export function expected({ id, last, count }: Account): Expected {
  return {
    id,
    last: { acknowledged: last.acknowledged, tried: last.tried },
    count: { acknowledged: count.acknowledged, tried: count.tried },
  };
}
