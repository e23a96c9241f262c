import { expect } from '@jest/globals';

/** The error that an action throws, which must be one of the given class. */
export function errorOf<E extends Error>(kind: abstract new (...args: never[]) => E, action: () => unknown): E {
  let caught: unknown;
  try {
    action();
  } catch (error) {
    caught = error;
  }
  expect(caught).toBeInstanceOf(kind);
  return caught as E;
}
