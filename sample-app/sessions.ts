import type { SessionModuleOptions } from 'nestjs-mikro-session';

/** How long a visitor may stay away. */
const IDLE_TIMEOUT = '30m';

/** How this shop keeps its sessions: in PostgreSQL, unless a `store` is named besides. */
export function sessionOptions(): SessionModuleOptions {
  return {
    idleTimeout: IDLE_TIMEOUT,
    absoluteTimeout: '12h',
    // Against forged requests (CSRF): the cookie is SameSite=Lax, no GET changes anything, and what pages of other
    // origins send is refused. So the forms of the shop need no tokens.
    originCheck: true,
  };
}
