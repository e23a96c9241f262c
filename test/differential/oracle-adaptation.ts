import type { RequestHandler } from 'express';
import type { MemoryStore, Store } from 'express-session';
import { met } from './by-design.js';

type Data = Record<string, unknown>;
interface Adapted {
  session: Data | null | undefined;
  sessionID: string;
}
type Internals = MemoryStore & { readonly sessions: Record<string, string> } & Pick<Store, 'createSession'>;

/** Of what would be stored. */
const keysOf = (session: Data): string[] =>
  Object.keys(JSON.parse(JSON.stringify(session)) as Data).filter((key) => key !== 'cookie');

/** Makes express-session behave as the differences by design say, just before it looks at what a response has to store. */
export function adapt(memory: MemoryStore): RequestHandler {
  const store = memory as Internals;
  return (incoming, response, next) => {
    const request = incoming as unknown as Adapted;
    const idBefore = request.sessionID;
    const look = (status: number): void => {
      if (status >= 500) discard(request, store);
      tidy(request, idBefore);
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

/** Puts the session back to what is stored. */
function discard(request: Adapted, store: Internals): void {
  const stored = store.sessions[request.sessionID];
  const { session } = request;
  if (!session || stored === JSON.stringify(session)) return;
  if (stored !== undefined || keysOf(session).length > 0) met('serverErrorDiscards');
  if (stored === undefined) request.session = null;
  else store.createSession(request as never, JSON.parse(stored) as never);
}

function tidy(request: Adapted, idBefore: string): void {
  const { session } = request;
  if (!session) return;
  const { flash } = session;
  if (typeof flash === 'object' && flash !== null && Object.keys(flash).length === 0) {
    met('emptyFlash');
    delete session['flash'];
  }
  if (request.sessionID === idBefore || keysOf(session).length > 0) return;
  met('emptyRegenerated');
  request.session = null;
}
