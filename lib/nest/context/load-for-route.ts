import type { SessionMetadata } from '../session.metadata.js';
import type { ActiveSession } from '../../session/active-session.js';
import type { RequestContext } from './request-context.js';

/** Loads the session of a request for its route, which says whether that is an access. Throws what exception filters expect. */
export function loadForRoute(request: RequestContext, metadata: SessionMetadata): true | Promise<true> {
  request.handler = metadata.name;
  const loading = request.loadOr(metadata.onStoreError);
  if (!(loading instanceof Promise)) return accessed(loading, metadata);
  return loading.then(
    (session) => accessed(session, metadata),
    (error: unknown) => {
      throw request.reported(error);
    },
  );
}

function accessed(session: ActiveSession, { renews, isSse }: SessionMetadata): true {
  session.renews = renews;
  // Elsewhere an access counts when the headers are sent, which may be too late; those of an event stream leave before there is a handler.
  if (isSse || session.mayExpireSoon) session.renew();
  return true;
}
