import { type NewSessionContent, SessionService } from '../nest/session.service.js';
import { SessionSource } from '../nest/context/session-source.js';
import { argumentsOf } from '../session/arguments.js';
import type { Duration } from '../session/lifetime.js';
import type { Session } from '../session/session.js';
import { NO_VISITOR } from '../session/session-environment.js';
import { provided, type TestApplication } from './test-application.js';

/** What a session that a test makes starts with. */
export interface TestSessionContent extends NewSessionContent {
  /** Its idle timeout; the module's `idleTimeout` unless given. */
  readonly ttl?: Duration;
}

/** A session that a test has made, and what a client sends to be let in with it. */
export interface TestSession {
  /** The stored session: to be read, changed and saved by the test. */
  readonly session: Session;
  /** As a `Cookie` header takes it, `name=value`; empty with `transport: 'header'`. */
  readonly cookie: string;
  /**
   * The headers of a request: for `fetch(url, { headers })`, `request(server).get('/').set(headers)` of supertest, and
   * `inject({ headers })` of light-my-request. With either transport.
   */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * For `browserContext.addCookies()` of Playwright; none with `transport: 'header'`.
   *
   * @param url where the application is served
   */
  cookiesFor(url: string): TestCookie[];
}

/** A cookie, as Playwright takes it. */
export interface TestCookie {
  readonly name: string;
  readonly value: string;
  readonly domain: string;
  readonly path: string;
  readonly httpOnly: true;
  readonly secure: boolean;
  readonly sameSite: 'Strict' | 'Lax' | 'None';
}

const SAME_SITE = { strict: 'Strict', lax: 'Lax', none: 'None' } as const;

/**
 * Makes a session in the store of an application: of a user with `userId`, else of an anonymous visitor.
 *
 * @throws {SessionArgumentError} for a user id that is none, a snapshot without a user, and other members.
 * @throws {SessionDataError} for data that cannot be stored.
 */
export async function createTestSession(app: TestApplication, content: TestSessionContent = {}): Promise<TestSession> {
  const { ttl, ...made } = argumentsOf('createTestSession', content, ['userId', 'auth', 'data', 'ttl']);
  const { session, credential, cookie } = await provided<SessionService>(app, SessionService).create(made);
  if (ttl !== undefined) await session.setTtl(ttl).save();
  const { transport, options } = provided<SessionSource>(app, SessionSource);
  return {
    session,
    cookie,
    headers: { [transport.requestHeader.toLowerCase()]: cookie === '' ? credential : cookie },
    cookiesFor(url) {
      if (cookie === '') return [];
      const { hostname, protocol } = new URL(url);
      const { name, path, domain, secure, sameSite } = options.cookie;
      return [
        {
          name,
          value: credential,
          domain: domain === undefined ? hostname : `.${domain}`,
          path,
          httpOnly: true,
          secure: secure === 'auto' ? protocol === 'https:' : secure,
          sameSite: SAME_SITE[sameSite],
        },
      ];
    },
  };
}

/**
 * What a client holds of a session: a `Cookie` header, or the `Set-Cookie` lines of a response (`response.headers['set-cookie']`
 * of supertest, `response.headers.getSetCookie()` of fetch); with `transport: 'header'`, the credential.
 */
export type HeldByClient = string | readonly string[] | null | undefined;

/**
 * The session that a client's cookie opens, as it is stored; `null` when it opens none, which is not an error. Reading it is no
 * access. It may be changed and saved. What `flashes()` takes out is still there for the application, unless `save()` is called.
 */
export async function readSession(app: TestApplication, held: HeldByClient): Promise<Session | null> {
  const service = provided<SessionService>(app, SessionService);
  const { transport, manager } = provided<SessionSource>(app, SessionSource);
  const value = [held ?? []].flat().join('; ');
  const credentials = transport.read({ [transport.requestHeader.toLowerCase()]: value });
  // Renewals that are still collected have happened, as far as a test is concerned.
  await service.flush();
  const { isNew, id } = await manager.open(credentials, NO_VISITOR);
  return isNew ? null : service.find(id);
}
