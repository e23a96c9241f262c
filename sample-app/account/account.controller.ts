import { Body, Controller, Get, Inject, Post, Query, Redirect, UseGuards } from '@nestjs/common';
import { Session, SessionGuard } from 'nestjs-mikro-session';
import { OrderBook } from '../shop/orders.js';
import { fieldOf } from '../views/forms.js';
import { Page } from '../views/page.decorator.js';
import { nameOf } from '../views/visitor.js';
import { localPath } from './local-path.js';
import { signIn } from './sign-in.js';
import { DEMO_ACCOUNTS, STAFF, UserDirectory } from './users.js';

@Controller()
export class AccountController {
  readonly #users: UserDirectory;
  readonly #orders: OrderBook;

  constructor(@Inject(UserDirectory) users: UserDirectory, @Inject(OrderBook) orders: OrderBook) {
    this.#users = users;
    this.#orders = orders;
  }

  /** Also for a user who is signed in: to a page that asks for a recent login, they sign in again. */
  @Get('login')
  @Page('login')
  loginForm(@Session() session: Session, @Query() query: unknown): object {
    const { isAuthenticated, userId, auth } = session;
    return {
      title: isAuthenticated ? 'Sign in again' : 'Sign in',
      next: localPath(fieldOf(query, 'next')),
      again: isAuthenticated ? { userId, name: nameOf(session), isRemembered: auth?.isRemembered } : null,
      accounts: DEMO_ACCOUNTS.map((account) => ({ ...account, isStaff: account.roles.includes(STAFF) })),
    };
  }

  @Post('login')
  @Redirect('/', 303)
  async login(@Session() session: Session, @Body() form: unknown): Promise<{ url: string }> {
    const next = localPath(fieldOf(form, 'next'));
    const user = await this.#users.authenticate(fieldOf(form, 'user'), fieldOf(form, 'password'));
    if (user === null) {
      const count = session.increment('failedLogins');
      session.flash('error', `That name and password do not match. Failed attempts: ${count}.`);
      return { url: `/login?${new URLSearchParams({ next }).toString()}` };
    }

    await signIn(session, user, fieldOf(form, 'remember') === 'yes');
    session.flash('success', `Welcome, ${user.name}!`);
    const failures = session.pull('failedLogins', 0);
    if (failures > 0) session.flash('warning', `Failed attempts to sign in before: ${failures}.`);
    return { url: next };
  }

  @Get('profile')
  @UseGuards(SessionGuard)
  @Page('profile')
  profile(@Session() session: Session, @Session('userId') userId: string): object {
    return { title: nameOf(session), avatar: session.avatar, orders: this.#orders.of(userId) };
  }

  @Post('logout')
  @Redirect('/', 303)
  async logout(@Session() session: Session): Promise<void> {
    await session.logout();
    session.flash('info', 'You have signed out.');
  }
}
