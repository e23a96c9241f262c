import type { DataChanges, SessionChanges } from '../../session/data/changes.js';
import { refusedAddition } from '../../session/data/merge.js';
import type { ListedSession, SessionSecrets, StoredSession } from '../../session/stored-session.js';
import type { SessionId } from '../../session/token.js';
import type { CommittedTimes, Login, NewSession, Rotation, RotationOutcome } from '../../session-store.js';
import { lengthOf, refuseLargeAuth, tooLargeData } from '../limits.js';
import type { Answer, Run } from './attempts.js';
import type { Keys } from './keys.js';
import {
  dataFields,
  hashText,
  keyOf,
  LISTED_FIELDS,
  listedOf,
  newSessionFields,
  SECRET_FIELDS,
  secretsOf,
  sessionOf,
  sizeOf,
  type Versioned,
} from './records.js';
import { changeArguments, texts } from './script-arguments.js';
import type { ScriptRunner } from './script-runner.js';
import { COMMIT, CONFIRM, CREATE, DELETE, GLANCE, LOGIN, RENEW, ROTATE } from './scripts/session-scripts.js';

/** Whose a session is, and since when and for how long: what the list of its user needs. */
export interface Ownership {
  /** Empty for nobody. */
  readonly userId: string;
  /** As a text. */
  readonly startedAt: string;
  readonly ttl: number;
}

export interface SessionCommandsOptions {
  readonly maxDataBytes: number;
  /** How long the engine keeps what has expired, in milliseconds, so that the sweep can tell of it. */
  readonly slack: number;
}

/** The scripts of one session: what each takes, and what it says. They know nothing of the list of a user. */
export class SessionCommands {
  readonly #runner: ScriptRunner;
  readonly #keys: Keys;
  readonly #maxDataBytes: number;
  readonly #slack: number;

  constructor(runner: ScriptRunner, keys: Keys, { maxDataBytes, slack }: SessionCommandsOptions) {
    this.#runner = runner;
    this.#keys = keys;
    this.#maxDataBytes = maxDataBytes;
    this.#slack = slack;
  }

  async find(id: SessionId, run: Run): Promise<Versioned | null> {
    const { fields, now } = await this.#runner.fieldsOf(this.#keys.session(id), run);
    const session = fields.length === 0 ? null : sessionOf(id, fields, now);
    // What is no session has no expiry.
    return session !== null && session.stored.expiresAt > now ? session : null;
  }

  /** What tells whether a credential opens it, and no more. */
  async secretsOf(id: SessionId, run: Run): Promise<SessionSecrets | null> {
    const { status, values, now } = await this.#runner.run(GLANCE, this.#keys.session(id), SECRET_FIELDS, run);
    return status === 'ok' ? secretsOf(id, values[0] as string[], now) : null;
  }

  /** Without what is kept in it. */
  async listedOf(id: SessionId, run: Run): Promise<ListedSession | null> {
    const { status, values, now } = await this.#runner.run(GLANCE, this.#keys.session(id), LISTED_FIELDS, run);
    return status === 'ok' ? listedOf(id, values[0] as string[], now) : null;
  }

  /**
   * `null`: there is one of its id.
   *
   * @throws {SessionDataError} for what is too big
   */
  async create(
    session: NewSession,
    generation: number,
    signsIn: boolean,
    run: Run,
    before: () => Promise<void>,
  ): Promise<StoredSession | null> {
    const { id, lifetime } = session;
    const data = dataFields(session.data);
    if (sizeOf(data.bytes) > this.#maxDataBytes) throw this.#tooLarge();
    refuseLargeAuth(session.auth, this.#maxDataBytes);
    await before();
    const args = [
      ...texts(lifetime.ttl, lifetime.absolute, this.#slack, signsIn),
      ...newSessionFields(session, generation, data),
    ];
    return this.#sessionOf(id, await this.#runner.run(CREATE, this.#keys.session(id), args, run))?.stored ?? null;
  }

  /**
   * @param version the one that was read; `null` for any
   * @throws {SessionDataError} for what is too big, and for what cannot be added to
   */
  async commit(
    id: SessionId,
    generation: number,
    version: string | null,
    { data, lifetime, renew }: SessionChanges,
    run: Run,
  ): Promise<(CommittedTimes & { readonly ownership: Ownership }) | 'changed' | null> {
    this.#refuseLarge(data);
    const absolute = lifetime?.absolute === null ? 'none' : lifetime?.absolute;
    const args = [
      ...texts(generation, version, this.#maxDataBytes, this.#slack, renew, lifetime?.ttl, absolute),
      ...changeArguments(data),
    ];
    const answer = await this.#runner.run(COMMIT, this.#keys.session(id), args, run);
    if (!this.#isWritten(answer)) return answer.status === 'changed' ? 'changed' : null;
    const [ttl, lastAccessAt, expiresAt, endsAt, userId, startedAt] = answer.values as Six;
    return {
      ttl: Number(ttl),
      lastAccessAt: Number(lastAccessAt),
      expiresAt: Number(expiresAt),
      endsAt: endsAt === '' ? null : Number(endsAt),
      ownership: { userId, startedAt, ttl: Number(ttl) },
    };
  }

  /** As {@link commit}. */
  async login(
    login: Login,
    generation: number,
    changes: DataChanges | null,
    version: string | null,
    run: Run,
  ): Promise<StoredSession | 'changed' | null> {
    const { id, secretHash, previousSecretHash, userId, auth, persistent, lifetime, flush } = login;
    this.#refuseLarge(changes);
    const { ttl, absolute } = lifetime;
    const previous = previousSecretHash && hashText(previousSecretHash);
    const args = [
      ...texts(login.generation, version, this.#maxDataBytes, this.#slack, flush, ttl, absolute),
      ...texts(generation, hashText(secretHash), previous, userId, auth, persistent),
      ...changeArguments(flush ? null : changes),
    ];
    const answer = await this.#runner.run(LOGIN, this.#keys.session(id), args, run);
    if (this.#isWritten(answer)) return this.#sessionOf(id, answer)?.stored ?? null;
    return answer.status === 'changed' ? 'changed' : null;
  }

  async rotate({ id, generation, knownHash, secretHash }: Rotation, run: Run): Promise<RotationOutcome> {
    const args = texts(generation, hashText(knownHash), hashText(secretHash));
    const { status } = await this.#runner.run(ROTATE, this.#keys.session(id), args, run);
    return status === 'ok' ? 'rotated' : (status as RotationOutcome);
  }

  /**
   * @param generation `null` for any
   * @param userId whose it must be; `null` for anybody's
   * @returns whose it was, an empty text for nobody's; `null` where it was not there
   */
  async delete(id: SessionId, generation: number | null, userId: string | null, run: Run): Promise<string | null> {
    const args = texts(generation, userId);
    const { status, values } = await this.#runner.run(DELETE, this.#keys.session(id), args, run);
    return status === 'ok' ? (values[0] as string) : null;
  }

  /** Makes sure that there is none. @returns whether there is none */
  async confirmEnd(id: SessionId, run: Run): Promise<boolean> {
    return (await this.#runner.run(CONFIRM, this.#keys.session(id), [''], run)).status === 'ok';
  }

  /**
   * @param age how long ago the access was, in milliseconds
   * @returns `null` where it is gone
   */
  async renew(id: SessionId, age: number, run: Run): Promise<Ownership | null> {
    const args = texts(age.toFixed(3), this.#slack);
    const { status, values } = await this.#runner.run(RENEW, this.#keys.session(id), args, run);
    if (status !== 'ok') return null;
    const [userId, startedAt, ttl] = values as Six;
    return { userId, startedAt, ttl: Number(ttl) };
  }

  #sessionOf(id: SessionId, { status, values, now }: Answer): Versioned | null {
    return status === 'ok' ? sessionOf(id, values[0] as string[], now) : null;
  }

  /** @throws {SessionDataError} for what was refused because of the data */
  #isWritten({ status, values }: Answer): boolean {
    switch (status) {
      case 'too large':
        throw this.#tooLarge();
      case 'no number':
        throw refusedAddition('increment', keyOf(values[0] as string), 'met something that is no number');
      case 'out of range':
        throw refusedAddition('increment', keyOf(values[0] as string), 'led out of the range of numbers');
      case 'no list':
        throw refusedAddition('push', keyOf(values[0] as string), 'met something that is no array');
      default:
        return status === 'ok';
    }
  }

  /** Before anything is sent, as far as that can be told. */
  #refuseLarge(data: DataChanges | null): void {
    if (lengthOf(data) > this.#maxDataBytes) throw this.#tooLarge();
  }

  #tooLarge(): Error {
    return tooLargeData(this.#maxDataBytes);
  }
}

type Six = readonly [string, string, string, string, string, string];
