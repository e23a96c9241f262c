/** Where the operator reads what no request learns of. */
export interface OperatorLog {
  log(message: string): void;
  warn(message: string): void;
  error(message: string, stack?: string): void;
}

/** At most one line in so long about one kind of trouble, in milliseconds. */
const PERIOD = 60_000;
/** How many kinds are remembered; beyond that, the one that began first may be logged too soon. */
const MOST_KINDS = 200;

/** A kind of trouble, as far as it is known. Times are those of the clock, in milliseconds. */
interface Trouble {
  isUnderWay: boolean;
  /** Whether a line has said so since it began. */
  isLogged: boolean;
  begunAt: number;
  lastAt: number;
  loggedAt: number;
  /** How often it was met since it began. */
  count: number;
  /** How many of them were not logged, since the last line. */
  leftOut: number;
}

/**
 * Tells the operator of trouble that may come a thousand times a second: of each kind one line when it begins, at most one a
 * minute while it lasts, with how many were left out, and one when it is over.
 */
export class Troubles {
  readonly #log: OperatorLog;
  readonly #now: () => number;
  readonly #known = new Map<string, Trouble>();

  /** @param now a clock that never goes back, in milliseconds */
  constructor(log: OperatorLog, now: () => number = () => performance.now()) {
    this.#log = log;
    this.#now = now;
  }

  /** It was met: a warning. */
  warn(kind: string, line: string): void {
    this.#met(kind, line, (whole) => this.#log.warn(whole));
  }

  /** The same, where a request or data was lost: an error. */
  error(kind: string, line: string, stack?: string): void {
    this.#met(kind, line, (whole) => this.#log.error(whole, stack));
  }

  /**
   * It seems to be over. Says so if a line has said that it began. Not an error: it was never met.
   *
   * @param line what works again
   * @param calm for how long it must not have been met, in milliseconds, where one success does not prove the end
   */
  over(kind: string, line: string, calm = 0): void {
    const trouble = this.#known.get(kind);
    if (trouble === undefined || !trouble.isUnderWay) return;
    const now = this.#now();
    if (now - trouble.lastAt < calm) return;
    trouble.isUnderWay = false;
    if (!trouble.isLogged) return;
    trouble.leftOut = 0;
    const seconds = Math.ceil((trouble.lastAt - trouble.begunAt) / 1_000);
    this.#log.log(`${line} It failed ${times(trouble.count)}${seconds > 0 ? ` in ${seconds} s` : ''}.`);
  }

  #met(kind: string, line: string, write: (line: string) => void): void {
    const now = this.#now();
    const trouble = this.#troubleOf(kind);
    if (!trouble.isUnderWay) Object.assign(trouble, { isUnderWay: true, isLogged: false, begunAt: now, count: 0 });
    trouble.count++;
    trouble.lastAt = now;
    if (now - trouble.loggedAt < PERIOD) {
      trouble.leftOut++;
      return;
    }
    const { leftOut } = trouble;
    trouble.loggedAt = now;
    trouble.isLogged = true;
    trouble.leftOut = 0;
    write(leftOut === 0 ? line : `${line} (The same ${times(leftOut)} since the last line.)`);
  }

  #troubleOf(kind: string): Trouble {
    let trouble = this.#known.get(kind);
    if (trouble !== undefined) return trouble;
    const [oldest] = this.#known.keys();
    if (this.#known.size === MOST_KINDS) this.#known.delete(oldest as string);
    trouble = { isUnderWay: false, isLogged: false, begunAt: 0, lastAt: 0, loggedAt: -Infinity, count: 0, leftOut: 0 };
    this.#known.set(kind, trouble);
    return trouble;
  }
}

function times(count: number): string {
  if (count === 2) return 'twice';
  return count === 1 ? 'once' : `${count} times`;
}
