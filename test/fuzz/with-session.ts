import type { Session, SessionService } from 'nestjs-mikro-session';

/** Uses a session that is there for one case: a store that fills up is slow, where it is in memory. */
export async function withSession(
  sessions: SessionService,
  data: Record<string, unknown>,
  use: (session: Session) => Promise<void>,
): Promise<void> {
  const { session } = await sessions.create({ data });
  try {
    await use(session);
  } finally {
    await sessions.revoke(session.id);
  }
}
