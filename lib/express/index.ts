/**
 * Types `request.session` of Express, for an application that asks for it: `import 'nestjs-mikro-session/express'`.
 * Not for one that has the types of express-session as well, which give the same property another type.
 *
 * @module
 */
import type { Session } from '../session/session.js';

declare global {
  // oxlint-disable-next-line typescript/no-namespace -- Express's own way to be extended
  namespace Express {
    interface Request {
      /** The visitor's session, the same that `@Session()` gives; behind `sessionMiddleware()` an `ExpressSession` of it. */
      session: Session;
    }
  }
}
