import { counted, numbered } from './output.js';

const BAR = 24;
/** How often at most a line is written where it stays, and drawn where it does not, in milliseconds. */
const LINE_EVERY = 1_000;
const DRAWN_EVERY = 100;
/** Of the time since the start, until the next line that stays: a job of hours would fill a log otherwise. */
const RARER = 0.1;

/** How far something is that takes a while: a bar on a terminal, and lines elsewhere, one a second that get rarer. */
export class Progress {
  readonly #stream: Pick<NodeJS.WriteStream, 'write' | 'isTTY'>;
  readonly #verb: string;
  readonly #noun: string;
  readonly #total: number;
  readonly #now: () => number;
  readonly #startedAt: number;
  #done = 0;
  #saidAt: number;

  /**
   * @param verb what was done, such as `Removed`
   * @param noun to what, in the singular, such as `expired session`
   * @param total how many there were when it began: there may be more by now
   * @param now a clock that never goes back, in milliseconds
   */
  constructor(
    stream: Pick<NodeJS.WriteStream, 'write' | 'isTTY'>,
    verb: string,
    noun: string,
    total: number,
    now = (): number => performance.now(),
  ) {
    this.#stream = stream;
    this.#verb = verb;
    this.#noun = noun;
    this.#total = total;
    this.#now = now;
    this.#startedAt = now();
    this.#saidAt = this.#startedAt;
  }

  /** How many are done by now. */
  get done(): number {
    return this.#done;
  }

  add(count: number): void {
    this.#done += count;
    const now = this.#now();
    const pause = this.#stream.isTTY ? DRAWN_EVERY : Math.max(LINE_EVERY, RARER * (this.#saidAt - this.#startedAt));
    if (now - this.#saidAt < pause) return;
    this.#saidAt = now;
    const total = Math.max(this.#total, this.#done);
    const share = total === 0 ? 1 : this.#done / total;
    const left =
      this.#done === 0 ? '' : `, ${timeText(((now - this.#startedAt) * (total - this.#done)) / this.#done)} left`;
    const text = `${this.#verb} ${numbered(this.#done)} of ${counted(total, this.#noun)}, ${Math.floor(share * 100)} %${left}`;
    if (!this.#stream.isTTY) {
      this.#stream.write(`${text}\n`);
      return;
    }
    const full = Math.floor(share * BAR);
    this.#stream.write(`\r\u001b[K${'█'.repeat(full)}${'░'.repeat(BAR - full)} ${text}`);
  }

  /** Takes the bar away, for good or for a line of another kind. */
  end(): void {
    if (this.#stream.isTTY) this.#stream.write('\r\u001b[K');
  }
}

function timeText(milliseconds: number): string {
  const seconds = Math.ceil(milliseconds / 1_000);
  if (seconds < 90) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}
