/** Who wrote a value: in which session, for whom, and in which write. */
export interface Tag {
  readonly session: string;
  /** `null`: an anonymous visitor. */
  readonly user: string | null;
  readonly write: number;
}

/** Enough of an id to tell the sessions of a run apart: its random end. */
export function shortId(id: string): string {
  return id.slice(-12);
}

/** The value that a write leaves, which says where it belongs. */
export function tagOf(session: { readonly id: string; readonly userId: string | null }, write: number): string {
  return `${shortId(session.id)}/${session.userId ?? '-'}/${write}`;
}

/** Reads it again; `null` when it is no such value. */
export function parseTag(value: unknown): Tag | null {
  const [session, user, write, ...rest] = typeof value === 'string' ? value.split('/') : [];
  if (session === undefined || user === undefined || !/^\d+$/.test(write ?? '') || rest.length > 0) return null;
  return { session, user: user === '-' ? null : user, write: Number(write) };
}
