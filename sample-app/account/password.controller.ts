import { Body, Controller, Get, Inject, Post, Redirect } from '@nestjs/common';
import { Authorize, Session, SessionService } from 'nestjs-mikro-session';
import { fieldOf } from '../views/forms.js';
import { Page } from '../views/page.decorator.js';
import { signIn } from './sign-in.js';
import { UserDirectory } from './users.js';

const SHORTEST = 8;

/**
 * Asks a user who has signed in longer ago to do so again, and for the password besides: who finds the machine unlocked, or has
 * copied the cookie, does not know it.
 */
@Controller('password')
@Authorize({ within: '5m' })
export class PasswordController {
  readonly #users: UserDirectory;
  readonly #sessions: SessionService;

  constructor(@Inject(UserDirectory) users: UserDirectory, @Inject(SessionService) sessions: SessionService) {
    this.#users = users;
    this.#sessions = sessions;
  }

  @Get()
  @Page('password')
  form(@Session('userId') userId: string): object {
    return { title: 'Change your password', userId, shortest: SHORTEST };
  }

  @Post()
  @Redirect('/profile', 303)
  async change(
    @Session() session: Session,
    @Session('userId') userId: string,
    @Body() form: unknown,
  ): Promise<{ url: string } | undefined> {
    if ((await this.#users.authenticate(userId, fieldOf(form, 'current'))) === null) {
      session.flash('error', 'That is not your current password.');
      return { url: '/password' };
    }
    const password = fieldOf(form, 'password');
    if (password.length < SHORTEST) {
      session.flash('error', `That is too short: a password has ${SHORTEST} characters or more.`);
      return { url: '/password' };
    }
    const user = await this.#users.setPassword(userId, password);
    // Another cookie for this device, and no session elsewhere: not even for a thief who has copied the cookie of this one.
    await signIn(session, user, session.auth?.isRemembered === true);
    const count = await this.#sessions.revokeAllForUser(userId, { except: session.id });
    session.flash('success', `Your password is changed. Signed out elsewhere: ${count}.`);
    return undefined;
  }
}
