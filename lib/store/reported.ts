/** How many entries are remembered; beyond that, they may be reported again. */
const MOST = 1_000;

/** Remembers what was reported, as text, so that each is reported once. */
export class Reported {
  readonly #entries = new Set<string>();

  /** Whether an entry is yet to be reported, which it counts as from now on. */
  isFirst(entry: string): boolean {
    if (this.#entries.has(entry)) return false;
    if (this.#entries.size >= MOST) this.#entries.clear();
    this.#entries.add(entry);
    return true;
  }
}
