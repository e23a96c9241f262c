import { isPlainObject } from './data/json.js';

/**
 * What `login()` remembers of a user besides the id: a snapshot, which later changes to the user do not touch. The four
 * lists are what {@link Avatar} reads; other members are yours, to be read back as `session.auth`.
 */
export interface AuthSnapshot {
  readonly roles?: readonly string[];
  readonly tags?: readonly string[];
  /** Permissions held; `*` stands for any run of characters, so `article.*` covers `article.edit`. */
  readonly permissions?: readonly string[];
  readonly [member: string]: unknown;
}

/** The user of a session as of the login. Without a user, an avatar is anonymous and has nothing. */
export class Avatar {
  /** The user's id; `null` for none. */
  readonly identity: string | null;
  readonly roles: readonly string[];
  readonly tags: readonly string[];
  readonly permissions: readonly string[];

  constructor(userId: string | null, auth: AuthSnapshot | null) {
    this.identity = userId;
    this.roles = stringsOf(auth, 'roles');
    this.tags = stringsOf(auth, 'tags');
    this.permissions = stringsOf(auth, 'permissions');
  }

  get isAuthenticated(): boolean {
    return this.identity !== null;
  }

  get isAnonymous(): boolean {
    return this.identity === null;
  }

  hasRole(role: string): boolean {
    return this.roles.includes(role);
  }

  hasAnyRole(...roles: string[]): boolean {
    return roles.some((role) => this.hasRole(role));
  }

  hasTag(tag: string): boolean {
    return this.tags.includes(tag);
  }

  hasAnyTag(...tags: string[]): boolean {
    return tags.some((tag) => this.hasTag(tag));
  }

  hasAllTags(...tags: string[]): boolean {
    return tags.every((tag) => this.hasTag(tag));
  }

  /**
   * Whether a permission held covers this one. Asking for a pattern asks for all of it: `hasPermission('article.*')` is
   * true for a holder of `article.*` or `*`, and false for one who may only do `article.edit`.
   */
  hasPermission(permission: string): boolean {
    return this.permissions.some((held) => held === permission || covers(held, permission));
  }
}

// Walks the literal parts between the stars from left to right; linear, whatever the pattern.
function covers(pattern: string, permission: string): boolean {
  const parts = pattern.split('*');
  if (parts.length === 1) return false;
  const first = parts.shift() as string;
  const last = parts.pop() as string;
  if (!permission.startsWith(first)) return false;
  let position = first.length;
  for (const part of parts) {
    const found = permission.indexOf(part, position);
    if (found < 0) return false;
    position = found + part.length;
  }
  return permission.length - last.length >= position && permission.endsWith(last);
}

function stringsOf(auth: unknown, member: string): readonly string[] {
  // What a polluted prototype adds to every object is nothing that a user was given.
  const list: unknown = isPlainObject(auth) && Object.hasOwn(auth, member) ? auth[member] : undefined;
  return Object.freeze(Array.isArray(list) ? list.filter((item) => typeof item === 'string') : []);
}
