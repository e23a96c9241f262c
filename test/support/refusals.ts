/** Beyond this share of its trials, a test has not tried what it is for. */
const MOST = 0.1;

/**
 * Trials that say nothing, because the server answered 503: it had no time for them, on a machine that is busy with other
 * things. That is what it should do then, and no promise is broken by it.
 */
export class Refusals {
  readonly #seen: object[] = [];

  /** @param refusal what is known of it */
  add(refusal: object): void {
    this.#seen.push(refusal);
  }

  /** Prints them, and throws if the rest of so many trials is not enough. */
  assertFew(trials: number): void {
    const count = this.#seen.length;
    if (count === 0) return;
    const lines = this.#seen.map((refusal) => `  ${JSON.stringify(refusal)}\n`);
    process.stderr.write(`${count} of ${trials} trials were refused with 503:\n${lines.join('')}`);
    if (count <= trials * MOST) return;
    throw new Error(`${count} of ${trials} trials were refused with 503: the machine is too busy for this test.`);
  }
}
