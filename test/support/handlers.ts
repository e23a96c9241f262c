/** Functions that tests have run inside real handlers, under names that a request or a message can carry. */
export class Handlers<Handler> {
  readonly #byName = new Map<string, Handler>();
  #count = 0;

  /** Returns the name. */
  add(handler: Handler): string {
    const name = `visit-${++this.#count}`;
    this.#byName.set(name, handler);
    return name;
  }

  get(name: string): Handler {
    const handler = this.#byName.get(name);
    if (handler === undefined) throw new Error(`No test has added a handler "${name}".`);
    return handler;
  }

  delete(name: string): void {
    this.#byName.delete(name);
  }
}
