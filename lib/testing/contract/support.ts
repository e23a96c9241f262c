import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DataChanges, SessionChanges } from '../../session/data/changes.js';
import { createSessionId } from '../../session/token.js';
import type { StoredSession } from '../../session/stored-session.js';
import type { Login, NewSession, SessionStore } from '../../session-store.js';

/** One thing that every store must do. */
export interface StoreExpectation {
  /** A sentence, with the store as its subject. */
  readonly name: string;
  /**
   * Tries it.
   *
   * @param store opened, empty, with 65,536 `maxDataBytes`
   * @param other another one on the same sessions, as another process would open it. Leave it out for a store that lets each
   *   process have sessions of its own, or that may lag behind other processes, as a cache does.
   * @throws {AssertionError} when the store does not do it.
   */
  readonly run: (store: SessionStore, other?: SessionStore) => Promise<void>;
}

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;

export function newSession(more: Partial<NewSession> = {}): NewSession {
  return {
    id: createSessionId(),
    secretHash: randomBytes(32),
    userId: null,
    auth: null,
    data: '{}',
    lifetime: { ttl: 30 * MINUTE, absolute: 12 * HOUR },
    ip: null,
    userAgent: null,
    persistent: null,
    ...more,
  };
}

/** A login to a session, which names no user unless told. */
export function loginTo(
  { id, generation }: Pick<StoredSession, 'id' | 'generation'>,
  more: Partial<Login> = {},
): Login {
  return {
    id,
    generation,
    secretHash: randomBytes(32),
    userId: null,
    auth: null,
    flush: false,
    lifetime: { ttl: HOUR, absolute: null },
    changes: null,
    ...more,
  };
}

/** Settles when a moment of the store's clock is over, and a little more, as some know their clock to a few milliseconds only. */
export async function past(store: SessionStore, moment: number): Promise<void> {
  while (store.now() < moment + 20) await sleep(5);
}

export function changes(data: Partial<DataChanges> | null, more: Partial<SessionChanges> = {}): SessionChanges {
  const none = { set: new Map(), unset: [], increment: new Map(), push: new Map() };
  return { data: data && { ...none, ...data }, lifetime: null, renew: true, ...more };
}

export const set = (entries: Record<string, unknown>) => ({
  set: new Map(Object.entries(entries).map(([key, value]) => [key, JSON.stringify(value)])),
});

export async function found(store: SessionStore, id: string): Promise<StoredSession> {
  const stored = await store.find(id);
  assert.ok(stored, 'the session is live');
  return stored;
}

/** Has an access written, from now unless given. */
export async function access(store: SessionStore, id: string, at = store.now()): Promise<void> {
  store.renew({ id, at, expiresAt: at + HOUR });
  await store.flush();
}

export const dataOf = async (store: SessionStore, id: string): Promise<unknown> =>
  JSON.parse((await found(store, id)).data) as unknown;

/** All ids that come in pieces. */
export async function collected(pieces: AsyncIterable<readonly string[]>): Promise<string[]> {
  const ids: string[] = [];
  for await (const piece of pieces) ids.push(...piece);
  return ids;
}
