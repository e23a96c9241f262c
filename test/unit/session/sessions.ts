import { ActiveSession } from '../../../lib/session/active-session.js';
import type { CookieChange } from '../../../lib/session/cookie-intent.js';
import { recognise } from '../../../lib/session/recognition.js';
import type { SessionEnvironment, Visitor } from '../../../lib/session/session-environment.js';
import type { StoredSession } from '../../../lib/session/stored-session.js';
import { parseCredential, type SessionId } from '../../../lib/session/token.js';
import { MemorySessionStore } from '../../../lib/store/memory.session-store.js';

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;

/** A store whose clock the test sets, and whose operations fail when it says so. */
export class TestStore extends MemorySessionStore {
  time = 1_000_000_000;
  flushes = 0;

  constructor() {
    super({ maxDataBytes: 1_000 });
  }

  override now(): number {
    return this.time;
  }

  override async flush(): Promise<void> {
    this.flushes++;
  }

  /** The session, as it is stored now. */
  async stored(id: SessionId): Promise<StoredSession> {
    return (await this.find(id)) as StoredSession;
  }

  async dataOf(id: SessionId): Promise<unknown> {
    return JSON.parse((await this.stored(id)).data);
  }

  /** Has an operation fail from now on. */
  fail(operation: 'find' | 'create' | 'commit' | 'update' | 'login' | 'delete', error: Error): void {
    Object.defineProperty(this, operation, { configurable: true, value: () => Promise.reject(error) });
  }

  /** Ends that. */
  mend(operation: 'find' | 'create' | 'commit' | 'update' | 'login' | 'delete'): void {
    Reflect.deleteProperty(this, operation);
  }
}

/** Sessions over a store in memory, without an application around them. */
export class TestSessions {
  readonly store = new TestStore();
  /** What was emitted: the types, with the user if there is one. */
  readonly events: string[] = [];
  /** What could not be read, of which session. */
  readonly unreadable: [SessionId, string, unknown][] = [];
  readonly renewed: SessionId[] = [];
  /** What has failed that nobody waited for, and no request could fail with. */
  readonly notAwaited: unknown[] = [];
  readonly environment: SessionEnvironment;

  constructor(environment: Partial<SessionEnvironment> = {}) {
    this.environment = {
      store: this.store,
      lifetime: { ttl: 30 * MINUTE, absolute: 12 * HOUR },
      rotationGrace: 10 * SECOND,
      saveUninitialized: false,
      dropsAtEnd: (persistent) => persistent !== false,
      maxSessionsPerUser: null,
      trackDevice: true,
      renew: ({ id }) => this.renewed.push(id),
      renewsAtOnce: false,
      notAwaited: (error) => this.notAwaited.push(error),
      revoked: async (pieces, userId) => {
        for await (const ids of pieces) for (const _id of ids) this.events.push(`revoked ${userId}`);
      },
      commits: { written: 0, conflicts: 0, failed: 0 },
      endings: { count: 0 },
      refused: (_id, userId) => this.events.push(userId === null ? 'rejected' : `rejected ${userId}`),
      emit: (type, _id, userId) => this.events.push(userId === null ? type : `${type} ${userId}`),
      usable: (stored) => stored,
      unreadable: (...what) => this.unreadable.push(what),
      ...environment,
    };
  }

  /** What a request with a cookie opens; a new session without one. */
  async open(cookie?: string, visitor: Partial<Visitor> = {}): Promise<ActiveSession> {
    const client = { ip: null, userAgent: null, assertReachable: () => {}, ...visitor };
    const credential = cookie === undefined ? null : parseCredential(cookie);
    const stored = credential && (await this.store.find(credential.id));
    if (credential === null || stored === null) return new ActiveSession(this.environment, client, null);
    const recognition = recognise(credential, stored, 10 * SECOND);
    return new ActiveSession(this.environment, client, { stored, credential, recognition });
  }

  /** What a job opens, which has no visitor. */
  async find(id: SessionId): Promise<ActiveSession> {
    const visitor = { ip: null, userAgent: null, assertReachable: () => {} };
    const stored = await this.store.stored(id);
    return new ActiveSession(this.environment, visitor, { stored, credential: null, recognition: 'current' });
  }

  /** A stored session, by its cookie. What was emitted so far is forgotten. */
  async begun(data: Record<string, unknown> = { n: 1 }, userId?: string): Promise<string> {
    const session = await this.open();
    for (const [key, value] of Object.entries(data)) session.set(key, value);
    if (userId !== undefined) await session.login(userId);
    await session.settle(true);
    this.events.length = 0;
    return issued(session);
  }
}

export function cookieOf(session: ActiveSession): CookieChange | null {
  return ActiveSession.cookieChangeOf(session);
}

/** The cookie that a response sets. */
export function issued(session: ActiveSession): string {
  const change = cookieOf(session);
  if (change?.kind !== 'issued')
    throw new Error(`The response sets no cookie: ${change?.kind ?? 'it leaves it alone'}.`);
  return change.value;
}

/** The id that a cookie names. */
export function idOf(cookie: string): SessionId {
  return cookie.slice(0, 36);
}
