import type { Session } from 'nestjs-mikro-session';
import { secondsLeft } from '../account/time-left.js';
import { STAFF } from '../account/users.js';
import { itemCount } from '../shop/cart.js';

/** What every page shows of its visitor. */
export interface Visitor {
  readonly itemCount: number;
  /** `null` for one who is not signed in. */
  readonly user: {
    readonly name: string;
    readonly isStaff: boolean;
    readonly isRemembered: boolean;
    readonly until: Date;
    readonly secondsLeft: number;
  } | null;
}

export function visitorOf(session: Session): Visitor {
  return { itemCount: itemCount(session.data.cart), user: session.isAuthenticated ? userOf(session) : null };
}

export function nameOf(session: Session): string {
  return session.auth?.name ?? 'Somebody';
}

function userOf(session: Session): Visitor['user'] {
  // To show a page is an access. Without this, `expiresAt` would be what it was before the access.
  session.touch();
  return {
    name: nameOf(session),
    isStaff: session.avatar.hasRole(STAFF),
    isRemembered: session.auth?.isRemembered === true,
    until: session.expiresAt,
    secondsLeft: secondsLeft(session),
  };
}
