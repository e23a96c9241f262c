import { AssertionError } from 'node:assert';
import { isDeepStrictEqual } from 'node:util';
import type { Session } from '../session/session.js';
import type { TestApplication } from './test-application.js';
import { type HeldByClient, readSession } from './test-session.js';

/**
 * Passes when a client's cookie opens the session of a user who is signed in: of this user, where one is named.
 *
 * @throws {AssertionError} of Node, which every runner shows.
 */
export async function expectSignedIn(app: TestApplication, held: HeldByClient, userId?: string): Promise<void> {
  const session = await readSession(app, held);
  const actual = session?.userId ?? null;
  if (actual !== null && (userId === undefined || actual === userId)) return;
  const expected = userId === undefined ? 'a user' : JSON.stringify(userId);
  throw failure(`Expected the client to be signed in as ${expected}, but ${stateOf(session)}.`, actual, userId);
}

/**
 * Passes when no user is signed in with a client's cookie: it opens nothing, or the session of an anonymous visitor.
 *
 * @throws {AssertionError} of Node, which every runner shows.
 */
export async function expectSignedOut(app: TestApplication, held: HeldByClient): Promise<void> {
  const session = await readSession(app, held);
  const actual = session?.userId ?? null;
  if (actual === null) return;
  throw failure(`Expected the client not to be signed in, but ${stateOf(session)}.`, actual, null);
}

/**
 * Passes when the next request that reads `flashes()` will get a message of a category: this message, where one is given. The
 * messages stay where they are.
 *
 * @throws {AssertionError} of Node, which every runner shows; it lists the messages that are there.
 */
export async function expectFlash(
  app: TestApplication,
  held: HeldByClient,
  category: string,
  message?: unknown,
): Promise<void> {
  const messages = (await readSession(app, held))?.flashes() ?? [];
  const isExpected = (flash: (typeof messages)[number]): boolean =>
    flash.category === category && (message === undefined || isDeepStrictEqual(flash.message, message));
  if (messages.some(isExpected)) return;
  const wanted = message === undefined ? '' : ` that says ${JSON.stringify(message)}`;
  throw failure(
    `Expected a flash message of the category ${JSON.stringify(category)}${wanted}, but there ` +
      (messages.length === 0 ? 'are none.' : `are: ${JSON.stringify(messages)}.`),
    messages,
    [{ category, message }],
  );
}

function stateOf(session: Session | null): string {
  if (session === null) return 'the cookie opens no session';
  return session.userId === null ? 'nobody is signed in to its session' : `it is ${JSON.stringify(session.userId)}`;
}

function failure(message: string, actual: unknown, expected: unknown): AssertionError {
  return new AssertionError({ message, actual, expected, operator: 'expect' });
}
