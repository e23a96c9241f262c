import type { Reply } from './browser.js';
import type { Note } from './notes.js';

/** What came of one request. */
export interface Visited {
  readonly reply: Reply;
  readonly notes: readonly Note[];
  readonly calledBack: readonly string[];
  /** Whether its program came to its end, and every callback was called. */
  readonly isOver: boolean;
}

/** What came of a sequence on one side. */
export interface Outcome {
  readonly groups: readonly (readonly Visited[])[];
  /** What two plain requests of the browser see in the end. */
  readonly after: readonly Visited[];
  /** What each cookie opens in the end that the browser has had, by the requests after which it had them. */
  readonly cookies: readonly Visited[];
  /** Exceptions and rejections that nobody caught. */
  readonly incidents: readonly string[];
}
