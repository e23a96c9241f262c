import type { ServerResponse } from 'node:http';

const METHODS = ['setHeader', 'appendHeader', 'removeHeader'] as const;
type Changes = Record<(typeof METHODS)[number], (...args: unknown[]) => unknown>;

/**
 * Sends the headers of a response. What is called at that moment, as middleware does by the package on-headers, may still change
 * them: each time, they are amended again.
 */
export function sendAmended<Result>(response: ServerResponse, amend: () => void, send: () => Result): Result {
  const changes = response as unknown as Changes;
  const own = METHODS.map((method) => Object.getOwnPropertyDescriptor(response, method));
  let isAmending = false;
  for (const method of METHODS) {
    const change = changes[method];
    changes[method] = function amended(...args) {
      const result = change.apply(response, args);
      if (!isAmending) {
        isAmending = true;
        try {
          amend();
        } finally {
          isAmending = false;
        }
      }
      return result;
    };
  }
  try {
    return send();
  } finally {
    for (const [index, method] of METHODS.entries()) {
      const descriptor = own[index];
      if (descriptor === undefined) Reflect.deleteProperty(response, method);
      else Object.defineProperty(response, method, descriptor);
    }
  }
}
