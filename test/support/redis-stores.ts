import { randomBytes } from 'node:crypto';
import { RedisSessionStore, type RedisSessionStoreOptions } from 'nestjs-mikro-session/redis';
import type { DataChanges, Login, NewSession, SessionChanges } from 'nestjs-mikro-session/store';
import { createSessionId } from '../../lib/session/token.js';
import { loginTo } from '../../lib/testing/contract/support.js';
import { StoreReports } from './store-listener.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** Opens stores, and closes them together. */
export class RedisStores {
  readonly #open: RedisSessionStore[] = [];

  async open(
    options: RedisSessionStoreOptions,
    more: { queryTimeout?: number; maxDataBytes?: number } = {},
    reports = new StoreReports(),
  ): Promise<RedisSessionStore> {
    const store = new RedisSessionStore(options, { maxDataBytes: 65_536, queryTimeout: 5_000, ...more });
    await store.open(reports);
    this.#open.push(store);
    return store;
  }

  async close(): Promise<void> {
    await Promise.all(this.#open.splice(0).map((store) => store.close()));
  }
}

export function newSession(more: Partial<NewSession> = {}): NewSession {
  return {
    id: createSessionId(),
    secretHash: randomBytes(32),
    userId: null,
    auth: null,
    data: '{}',
    lifetime: { ttl: HOUR, absolute: null },
    ip: null,
    userAgent: null,
    ...more,
  };
}

/** A login of ada's to a session. */
export function loginOf(id: string, generation: number, more: Partial<Login> = {}): Login {
  return loginTo({ id, generation }, { userId: 'ada', lifetime: { ttl: 30 * MINUTE, absolute: null }, ...more });
}

/** Changes of the data that count as no access. */
export function changing(data: Partial<DataChanges>): SessionChanges {
  return {
    data: { set: new Map(), unset: [], increment: new Map(), push: new Map(), ...data },
    lifetime: null,
    renew: false,
  };
}

/** Changes that set values. */
export function setting(values: Record<string, unknown>): SessionChanges {
  return changing({ set: new Map(Object.entries(values).map(([key, value]) => [key, JSON.stringify(value)])) });
}
