import { Injectable, NotFoundException, type OnModuleInit } from '@nestjs/common';
import { hashPassword, isPassword, type PasswordHash } from './passwords.js';

export interface User {
  readonly id: string;
  readonly name: string;
  readonly roles: readonly string[];
}

/** The role that the pages below `/staff` and `/operations` are for. */
export const STAFF = 'staff';

export const DEMO_ACCOUNTS: readonly (User & { readonly password: string })[] = [
  { id: 'ada', name: 'Ada Lovelace', roles: ['customer', STAFF], password: 'engine' },
  { id: 'grace', name: 'Grace Hopper', roles: ['customer'], password: 'compiler' },
];

/** Who may sign in. A real shop keeps its users in a table. */
@Injectable()
export class UserDirectory implements OnModuleInit {
  readonly #users = new Map<string, { readonly user: User; readonly hash: PasswordHash }>();
  #nobody = hashPassword('');

  async onModuleInit(): Promise<void> {
    for (const { password, ...user } of DEMO_ACCOUNTS) {
      this.#users.set(user.id, { user, hash: await hashPassword(password) });
    }
  }

  get all(): User[] {
    return Array.from(this.#users.values(), ({ user }) => user);
  }

  /** The user whose name and password these are. Takes as long for a name that does not exist. */
  async authenticate(id: string, password: string): Promise<User | null> {
    const known = this.#users.get(id);
    const isRight = await isPassword(password, known?.hash ?? (await this.#nobody));
    // A password that was changed meanwhile is the old one.
    return known !== undefined && isRight && this.#users.get(id) === known ? known.user : null;
  }

  async setPassword(id: string, password: string): Promise<User> {
    const known = this.#users.get(id);
    if (known === undefined) throw new NotFoundException();
    this.#users.set(id, { ...known, hash: await hashPassword(password) });
    return known.user;
  }
}
