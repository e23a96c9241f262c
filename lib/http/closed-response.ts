import type { ServerResponse } from 'node:http';

/** What is listened for by a stream that goes to a response, be it by `pipe()` or `pipeline()`. */
const LISTENED_FOR = ['unpipe', 'drain'];

/** Whether a stream goes to the response. */
export function isStreamedTo(response: ServerResponse): boolean {
  return LISTENED_FOR.some((event) => response.listenerCount(event) > 0);
}

/**
 * Calls back whenever a stream is about to go to a response that has closed, or would: `pipeline()` asks whether it has, and throws.
 * Once more in the next tick, as whoever streams may write to the session behind that.
 */
export function whenStreamedTo(response: ServerResponse, streamed: () => void): void {
  response.on('newListener', (event) => {
    if (LISTENED_FOR.includes(event as string)) process.nextTick(streamed);
  });
  Object.defineProperty(response, 'closed', {
    configurable: true,
    get: () => {
      streamed();
      return true;
    },
  });
}

/** The event by which a response closes, whether or not it has ended. Over HTTP/2, streams go by `finish`, which comes before. */
export function closingOf(response: ServerResponse): 'close' | 'finish' {
  return 'stream' in response ? 'finish' : 'close';
}

/** Whether its connection has closed, or its stream of HTTP/2, before or after its end. */
export function hasClosed(response: ServerResponse): boolean {
  const { stream } = response as { stream?: { readonly destroyed: boolean } };
  return stream === undefined ? response.closed : stream.destroyed;
}
