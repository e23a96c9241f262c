import type { RequestHandler } from 'express';
import session, { type MemoryStore, type Store } from 'express-session';
import { met } from './by-design.js';
import { KEPT } from './notes.js';

type Data = Record<string, unknown>;
interface Adapted {
  session: Data | null | undefined;
  sessionID: string;
}
type Internals = MemoryStore & { readonly sessions: Record<string, string> } & Pick<Store, 'createSession'>;

/** Of what would be stored. */
const keysOf = (data: Data): string[] =>
  Object.keys(JSON.parse(JSON.stringify(data)) as Data).filter((key) => key !== 'cookie' && key !== KEPT);

/** Makes express-session behave as the differences by design say, just before it looks at what a response has to store. */
export function adapt(memory: MemoryStore): RequestHandler {
  const store = memory as Internals;
  const filled = idsOfFilled(store);
  const loaded = loadedFor(store);
  return (incoming, response, next) => {
    const request = incoming as unknown as Adapted;
    const idBefore = request.sessionID;
    const isNew = store.sessions[idBefore] === undefined;
    const before = textOf(request.session);
    const look = (status: number): void => {
      if (status >= 500) discard(request, store);
      tidy(request);
      const isAnother = request.sessionID !== idBefore;
      if ((isNew || isAnother) && filled.has(request.sessionID)) keepIfEmpty(request);
      else if (isAnother) endIfEmpty(request);
      storeLifetime(request, store);
      const isBack = textOf(request.session) === before && (loaded.get(request) ?? before) !== before;
      if (isBack && status < 500) saveIfBack(request);
    };
    const writeHead = response.writeHead.bind(response) as (...args: unknown[]) => typeof response;
    const end = response.end.bind(response) as (...args: unknown[]) => typeof response;
    response.writeHead = (status: number, ...rest: unknown[]) => {
      look(status);
      return writeHead(status, ...rest);
    };
    response.end = (...args: unknown[]) => {
      look(response.statusCode);
      return end(...args);
    };
    next();
  };
}

/** Its types do not say that it takes options. */
const Cookie = session.Cookie as unknown as new (options: session.CookieOptions) => object;

type Login = (one: object, options: { keepSessionInfo?: boolean }, done: (error?: unknown) => void) => void;
type Logout = (options: { keepSessionInfo?: boolean }, done: (error?: unknown) => void) => void;

/** Has `keepSessionInfo` keep data only: what Passport takes along of a session is whatever is enumerable there. */
export function adaptLogins(memory: MemoryStore, cookie: session.CookieOptions): RequestHandler {
  return (incoming, _response, next) => {
    const request = incoming as unknown as Adapted & { logIn: Login; logOut: Logout };
    const renewed = (done: (error?: unknown) => void) => {
      const before = request.session?.['cookie'];
      return (error?: unknown): void => {
        if (request.session && request.session['cookie'] === before) {
          met('keepsNoCookie');
          request.session['cookie'] = new Cookie(cookie);
          memory.touch(request.sessionID, request.session as never);
        }
        done(error);
      };
    };
    const { logIn, logOut } = request;
    request.logIn = (user, options, done) => logIn.call(request, user, options, renewed(done));
    request.logOut = (options, done) => logOut.call(request, options, renewed(done));
    next();
  };
}

/** Puts the session back to what is stored. */
function discard(request: Adapted, store: Internals): void {
  const stored = store.sessions[request.sessionID];
  const { session: current } = request;
  if (!current || stored === JSON.stringify(current)) return;
  if (stored !== undefined || keysOf(current).length > 0) met('serverErrorDiscards');
  if (stored === undefined) request.session = null;
  else store.createSession(request as never, JSON.parse(stored) as never);
}

function tidy({ session: current }: Adapted): void {
  if (!current || !isEmptyFlash(current['flash'])) return;
  met('emptyFlash');
  delete current['flash'];
}

const isEmptyFlash = (flash: unknown): boolean =>
  typeof flash === 'object' && flash !== null && Object.keys(flash).length === 0;

function endIfEmpty(request: Adapted): void {
  if (!request.session || keysOf(request.session).length > 0) return;
  met('emptyRegenerated');
  request.session = null;
}

function storeLifetime({ session: current, sessionID }: Adapted, store: Internals): void {
  const stored = store.sessions[sessionID];
  if (!current || stored === undefined) return;
  const { originalMaxAge } = current['cookie'] as session.Cookie;
  const { cookie } = JSON.parse(stored) as { cookie: session.Cookie };
  if (cookie.originalMaxAge === originalMaxAge) return;
  met('lifetimeAlone');
  store.touch(sessionID, current as never);
}

const textOf = (data: Data | null | undefined): string => JSON.stringify({ ...data, cookie: null });

/** Has it save what was reloaded, and then made what it was when the request came. */
function saveIfBack({ session: current }: Adapted): void {
  if (!current) return;
  met('backAfterReload');
  current[KEPT] = true;
}

/** What was last loaded for a request. */
function loadedFor(store: Internals): WeakMap<object, string> {
  const loaded = new WeakMap<object, string>();
  const createSession = store.createSession.bind(store);
  store.createSession = (request, stored) => {
    loaded.set(request, textOf(stored as unknown as Data));
    return createSession(request, stored);
  };
  return loaded;
}

/** Has it send the cookie. */
function keepIfEmpty({ session: current }: Adapted): void {
  if (!current || keysOf(current).length > 0) return;
  met('savedThenEmptied');
  current[KEPT] = true;
}

/** The sessions that were stored with something in them, whatever is in them now. */
function idsOfFilled(store: Internals): ReadonlySet<string> {
  const filled = new Set<string>();
  const set = store.set.bind(store);
  store.set = (id, stored, callback) => {
    const data = stored as unknown as Data;
    if (keysOf(data).some((key) => key !== 'flash' || !isEmptyFlash(data[key]))) filled.add(id);
    set(id, stored, callback);
  };
  return filled;
}
