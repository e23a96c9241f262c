import type { LoginOptions, Session } from 'nestjs-mikro-session';
import type { User } from './users.js';

/** "Remember me": the session ends 30 days after the last visit, and its cookie outlives the browser. */
const REMEMBERED: LoginOptions = { ttl: '30d', absolute: false, persistent: true };
/** Otherwise it ends as the module's options say, and its cookie goes with the browser. */
const NOT_REMEMBERED: LoginOptions = { persistent: false };

/** Signs in a user who has shown to be this one. The cookie changes, and the one from before is dead at once. */
export async function signIn(session: Session, { id, name, roles }: User, isRemembered: boolean): Promise<void> {
  await session.login(id, { name, roles, isRemembered }, isRemembered ? REMEMBERED : NOT_REMEMBERED);
}
