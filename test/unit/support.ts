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

/** Arrays within arrays, so many of them. */
export function nested(levels: number): unknown[] {
  let value: unknown[] = [];
  for (let level = 1; level < levels; level++) value = [value];
  return value;
}

/** An object with a member of the name `__proto__`, as JSON from a client may bring it. */
export function withProtoKey(value: unknown): Record<string, unknown> {
  return JSON.parse(`{"__proto__": ${JSON.stringify(value)}}`) as Record<string, unknown>;
}
