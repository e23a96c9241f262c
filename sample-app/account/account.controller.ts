import { Body, Controller, Get, Inject, Post, Query, Redirect, UseGuards } from '@nestjs/common';
import { Session, SessionGuard } from 'nestjs-mikro-session';
import { fieldOf } from '../views/forms.js';
import { loginPage, profilePage, signedInPage } from './account.views.js';
import { localPath } from './local-path.js';
import { UserDirectory } from './users.js';

@Controller()
export class AccountController {
  readonly #users: UserDirectory;

  constructor(@Inject(UserDirectory) users: UserDirectory) {
    this.#users = users;
  }

  @Get('login')
  loginForm(@Session() session: Session, @Query() query: unknown): string {
    const next = localPath(fieldOf(query, 'next'));
    // Not a redirect: with a page that refuses this user and sends them here, it would be a circle.
    return session.isAuthenticated ? signedInPage(session, next) : loginPage(session, next);
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

    const remember = fieldOf(form, 'remember') === 'yes';
    await session.login(user.id, { name: user.name, roles: user.roles }, remember ? { ttl: '30d' } : {});
    session.flash('success', `Welcome, ${user.name}!`);
    const failures = session.pull('failedLogins', 0);
    if (failures > 0) session.flash('warning', `Failed attempts to sign in before: ${failures}.`);
    return { url: next };
  }

  @Get('profile')
  @UseGuards(SessionGuard)
  profile(@Session() session: Session): string {
    return profilePage(session);
  }

  @Post('logout')
  @Redirect('/', 303)
  async logout(@Session() session: Session): Promise<void> {
    await session.logout();
    session.flash('info', 'You have signed out.');
  }
}
