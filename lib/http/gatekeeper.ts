/** What the gate asks before it lets a response go: one for each registration of the module that has met the request. */
export interface Gatekeeper {
  /**
   * Stores what has to be stored first, or drops it, by the status that is about to be sent. `null`: there is nothing to
   * wait for. The promise must settle; a rejection turns the response into the one that {@link failed} writes.
   */
  settleAnswer(status: number): Promise<void> | null;
  /** Whether something is to be stored that came too late for {@link settleAnswer}, which is under way. */
  owesMore(): boolean;
  /**
   * Adds headers, once what is said there is decided.
   *
   * @returns whether they matter so much that they are amended wherever others are changed as they go out, even by what all
   *   responses inherit
   */
  beforeHeaders(): boolean;
  /** Adds the same headers once more: others were changed since. */
  amendHeaders(): void;
  /** The response has ended: nothing is stored for it any more. */
  ended(): void;
  /** Prepares the response that reports the error and returns its body. The body is not used if the headers are out: the response is cut off then. */
  failed(error: unknown): string;
  /** Logs an exception that no caller can catch, such as that of a listener; the response is cut off. */
  report(error: unknown): void;
}

/** Two keepers as one. Where the first cannot store its session, the second drops its changes. */
export function bothKeepers(first: Gatekeeper, second: Gatekeeper): Gatekeeper {
  let failing = first;
  return {
    settleAnswer(status) {
      failing = first;
      const settleSecond = (): Promise<void> | null => {
        failing = second;
        return second.settleAnswer(status);
      };
      const settling = first.settleAnswer(status);
      if (settling === null) return settleSecond();
      return settling.then(settleSecond, async (error: unknown) => {
        // What it may fail by in turn is no answer to this.
        await second.settleAnswer(500)?.catch(() => {});
        throw error;
      }) as Promise<void>;
    },
    owesMore: () => first.owesMore() || second.owesMore(),
    beforeHeaders() {
      const matters = [first.beforeHeaders(), second.beforeHeaders()];
      return matters.includes(true);
    },
    amendHeaders() {
      first.amendHeaders();
      second.amendHeaders();
    },
    ended() {
      first.ended();
      second.ended();
    },
    failed: (error) => failing.failed(error),
    report: (error) => failing.report(error),
  };
}
