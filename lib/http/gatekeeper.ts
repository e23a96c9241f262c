/** What the gate asks before it lets a response go: one for each registration of the module that has met the request. */
export interface Gatekeeper {
  /** Whether something has to be stored, or dropped, first. */
  isPending(): boolean;
  /** Does so, given the status that is about to be sent. Must settle; a rejection turns the response into the one that {@link failed} writes. */
  settle(status: number): Promise<void>;
  /** Adds headers. The last moment at which that is possible. */
  beforeHeaders(): void;
  /** Prepares the response that reports the error and returns its body. The body is not used if the headers are out: the response is cut off then. */
  failed(error: unknown): string;
  /** Logs an exception that no caller can catch, such as that of a listener; the response is cut off. */
  report(error: unknown): void;
}

/** Two keepers as one. Where the first cannot store its session, the second drops its changes. */
export function bothKeepers(first: Gatekeeper, second: Gatekeeper): Gatekeeper {
  let failing = first;
  return {
    isPending: () => first.isPending() || second.isPending(),
    async settle(status) {
      failing = first;
      try {
        await first.settle(status);
      } catch (error) {
        await second.settle(500);
        throw error;
      }
      failing = second;
      await second.settle(status);
    },
    beforeHeaders() {
      first.beforeHeaders();
      second.beforeHeaders();
    },
    failed: (error) => failing.failed(error),
    report: (error) => failing.report(error),
  };
}
