import { argumentsOf } from '../session/arguments.js';
import { assertNotReserved } from '../session/data/keys.js';
import { encodeJson, isPlainObject, kindOf } from '../session/data/json.js';
import { changedLifetime, ownLifetime } from '../session/lifetime.js';
import { recognise } from '../session/recognition.js';
import type { FoundSession, SessionEnvironment, Visitor } from '../session/session-environment.js';
import { signingIn, userIdOf } from '../session/signing-in.js';
import type { StoredSession } from '../session/stored-session.js';
import type { Credential } from '../session/token.js';
import { SessionDataError, SessionSetupError, SessionStoreUnavailableError } from '../session.errors.js';
import type { ResolvedAdoption } from '../options/adopt.options.js';
import type { NewSession, OldRow, SessionStore } from '../session-store.js';
import type { AdoptionMeter } from '../stats/adoption-meter.js';
import { withTimeLimit } from '../store/time-limit.js';
import type { AdoptedSession, OldSession } from './old-session.js';

const MEMBERS = ['userId', 'auth', 'data', 'ttl', 'absolute', 'persistent'] satisfies (keyof AdoptedSession)[];
const OPERATION = 'take over a session of express-session';

/** What the adopter works with. */
export interface AdopterEnvironment {
  readonly adoption: ResolvedAdoption;
  readonly rotationGrace: number;
  /** Milliseconds. */
  readonly queryTimeout: number;
  readonly meter: AdoptionMeter;
  /** Where the sessions are, and what is around them, now. */
  sessions(): SessionEnvironment;
  /** An old session could not be made one of ours. */
  failed(error: unknown): void;
}

/** A credential that was derived from an old cookie. */
type Derived = Credential & { readonly sid: string };

/** An old session that is live. */
interface Old {
  readonly credential: Derived;
  readonly row: OldRow;
}

/**
 * Takes over sessions of express-session, each once. The session that takes the place of an old one has an id and a secret that
 * follow from the old id and the application's secret: so all requests of the old cookie, in all processes, find the same one;
 * and that is stored only with the removal of the old one, so that it does not come back once it has ended.
 */
export class Adopter {
  readonly #env: AdopterEnvironment;

  constructor(env: AdopterEnvironment) {
    this.#env = env;
  }

  /** @throws {SessionSetupError} where the store takes over none, or does not reach the table that they are to be in */
  check(): void {
    if (!this.#store.canAdopt) {
      throw new SessionSetupError(
        `SessionModule option "adopt" is given, but the store has no adopt(): ${this.#store.description}. Fix: write one in your ` +
          'class, or remove the option.',
      );
    }
    if (this.#env.adoption.table === null || this.#store.oldSessions !== null) return;
    throw new SessionSetupError(
      'SessionModule option "adopt.table" names a table beside that of our sessions, but they are not kept in PostgreSQL. Fix: ' +
        'give "adopt.sessions", with functions that find and remove an old session.',
    );
  }

  /**
   * The session that the old cookies of a request open; `null` where they open none, or two. Not an error: an old session that
   * is not there any more, or is not to be taken over.
   */
  async open(credentials: readonly Credential[], visitor: Visitor): Promise<FoundSession | null> {
    const looked = await Promise.all(credentials.map((credential) => this.#look(credential as Derived)));
    const [one, another] = looked.filter((found) => found !== null);
    if (one === undefined || another !== undefined) {
      this.#env.meter.refused += 1;
      return null;
    }
    if ('recognition' in one) return one;
    const session = await this.#converted(one, visitor);
    return session && this.#exchange(session, one.credential);
  }

  /** Takes over an old session that no request has come with. Returns whether it did. */
  async take(row: OldRow, visitor: Visitor): Promise<boolean> {
    const credential = this.#env.adoption.secrets.credentialOf(row.sid) as Derived;
    const session = await this.#converted({ credential, row }, visitor);
    try {
      const stored = session && (await this.#create(session, row.sid));
      return stored !== null && stored !== 'ended';
    } catch (error) {
      return this.#refused(error) ?? false;
    }
  }

  /**
   * Whose an old session is; `null` for nobody's.
   *
   * @throws what `toSession` throws
   */
  async userOf({ session }: OldRow): Promise<string | null> {
    return (await this.#adopted(session))?.userId ?? null;
  }

  get #store(): SessionStore {
    return this.#env.sessions().store;
  }

  /** The old session first: one that is gone was taken over before our own is looked for, if it was. */
  async #look(credential: Derived): Promise<FoundSession | Old | null> {
    const row = await this.#findOld(credential.sid);
    return row === null ? this.#findOurs(credential) : { credential, row };
  }

  /** The one that has taken the place of an old one; `null` where it has ended, or has got another secret. */
  async #findOurs(credential: Derived): Promise<FoundSession | null> {
    return this.#recognised(credential, await this.#store.find(credential.id));
  }

  #recognised(credential: Derived, found: StoredSession | null): FoundSession | null {
    const stored = this.#env.sessions().usable(found);
    if (stored === null) return null;
    const recognition = recognise(credential, stored, this.#env.rotationGrace);
    return recognition === 'unknown' ? null : { stored, credential, recognition };
  }

  async #findOld(sid: string): Promise<OldRow | null> {
    const { sessions, table } = this.#env.adoption;
    if (table !== null) return (await this.#store.oldSessions?.find(sid)) ?? null;
    try {
      const session = sessions === null ? null : await this.#inTime(() => sessions.find(sid));
      return isPlainObject(session) ? rowOf(sid, session, this.#store.now()) : null;
    } catch (error) {
      // What is no JSON there will be none later either.
      const { cause } = error as Error;
      if (cause instanceof SyntaxError) return this.#failed(cause);
      throw error;
    }
  }

  /** Our session in the place of an old one; `null` where it is not to be, or cannot be, which is reported. */
  async #converted({ credential, row }: Old, visitor: Visitor): Promise<NewSession | null> {
    try {
      const adopted = await this.#adopted(row.session);
      const session = adopted && this.#newSession(credential, row, adopted, visitor);
      if (session === null) this.#env.meter.refused += 1;
      return session;
    } catch (error) {
      if (error instanceof SessionStoreUnavailableError) throw error;
      return this.#failed(error);
    }
  }

  /** What `toSession` says. @throws {SessionStoreUnavailableError} where it says nothing in the time that a store has */
  async #adopted(old: OldSession): Promise<Partial<AdoptedSession> | null> {
    const answer = (async () => this.#env.adoption.toSession?.(old) ?? null)();
    const adopted = await withTimeLimit(answer, this.#env.queryTimeout, () => this.#tooLate());
    return adopted && argumentsOf('toSession', adopted, MEMBERS);
  }

  /** @returns `null` for one that is empty, which is not worth a row */
  #newSession(credential: Derived, row: OldRow, adopted: Partial<AdoptedSession>, visitor: Visitor): NewSession | null {
    const { lifetime, trackDevice, saveUninitialized } = this.#env.sessions();
    const { data = {}, auth, absolute, persistent } = adopted;
    const userId = adopted.userId ?? null;
    if (!isPlainObject(data)) {
      throw new SessionDataError('', `toSession() gives data as a plain object, not ${kindOf(data)}.`);
    }
    for (const key of Object.keys(data)) assertNotReserved(key);
    const text = encodeJson(data, '');
    if (userId === null && text === '{}' && !saveUninitialized) return null;
    const user = userId === null ? null : signingIn(userIdOf('toSession', userId), auth, persistent);
    const left = row.expiresAt === null ? 0 : row.expiresAt - row.readAt;
    const change = ownLifetime({ ttl: adopted.ttl ?? Math.max(lifetime.ttl, Math.ceil(left)), absolute }, lifetime.ttl);
    return {
      id: credential.id,
      secretHash: credential.secretHash,
      userId,
      auth: user?.auth ?? null,
      data: text,
      lifetime: changedLifetime(lifetime, change),
      persistent: persistent ?? (row.session.cookie?.expires ?? null) !== null,
      ip: trackDevice ? visitor.ip : null,
      userAgent: trackDevice ? visitor.userAgent : null,
    };
  }

  async #exchange(session: NewSession, credential: Derived): Promise<FoundSession | null> {
    try {
      const stored = await this.#create(session, credential.sid);
      if (stored === 'ended') return null;
      if (stored !== null) return { stored, credential, recognition: 'current' };
    } catch (error) {
      return this.#refused(error);
    }
    // Another request was first.
    const found = await this.#findOurs(credential);
    const { sessions } = this.#env.adoption;
    const isOver = found !== null && this.#store.now() - found.stored.createdAt > this.#env.queryTimeout;
    // The process that was to remove it has been killed, or could not.
    if (sessions !== null && isOver) await this.#inTime(() => sessions.remove(credential.sid));
    return found;
  }

  /** @returns `null` where another request was first; `'ended'` where the session that it has stored has ended since */
  async #create(session: NewSession, sid: string): Promise<StoredSession | 'ended' | null> {
    const env = this.#env.sessions();
    const { sessions } = this.#env.adoption;
    const stored = await env.store.adopt(session, sessions === null ? sid : null);
    if (stored === null) return null;
    // Stored first, and then removed, so that parallel requests find one of both.
    if (sessions !== null && (await this.#inTime(() => sessions.remove(sid))) === false) {
      await env.store.delete(stored.id, stored.generation);
      return 'ended';
    }
    this.#env.meter.adopted += 1;
    env.emit('created', stored.id, stored.userId);
    return stored;
  }

  /** What the application's functions give, within the time that a store has. */
  async #inTime<Result>(ask: () => Promise<Result>): Promise<Result> {
    try {
      return await withTimeLimit((async () => ask())(), this.#env.queryTimeout, () => this.#tooLate());
    } catch (cause) {
      throw cause instanceof SessionStoreUnavailableError
        ? cause
        : new SessionStoreUnavailableError(OPERATION, { cause });
    }
  }

  #tooLate(): never {
    const cause = new Error(`a function that "adopt" was given did not answer within ${this.#env.queryTimeout} ms`);
    throw new SessionStoreUnavailableError(OPERATION, { cause });
  }

  #refused(error: unknown): null {
    if (error instanceof SessionDataError) return this.#failed(error);
    throw error;
  }

  #failed(error: unknown): null {
    this.#env.meter.failed += 1;
    this.#env.failed(error);
    return null;
  }
}

/** @param now in milliseconds of the store's clock */
function rowOf(sid: string, session: OldSession, now: number): OldRow | null {
  const { expires = null } = session.cookie ?? {};
  const expiresAt = expires === null ? null : new Date(expires).getTime();
  if (expiresAt !== null && !(expiresAt > now)) return null;
  return { sid, session, expiresAt, readAt: now };
}
