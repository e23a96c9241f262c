import { Body, Controller, Get, HttpCode, Post, Redirect, UseGuards } from '@nestjs/common';
import { Session, SessionGuard, SessionRenewal } from 'nestjs-mikro-session';
import { fieldOf } from '../views/forms.js';
import { localPath } from './local-path.js';
import { secondsLeft } from './time-left.js';

/** How long a user stays signed in, for the countdown (public/time-left.js), and the button "Stay signed in". */
@Controller('time-left')
@UseGuards(SessionGuard)
export class TimeLeftController {
  /** To look at the clock is no access: a page that lies open keeps nobody signed in. */
  @Get()
  @SessionRenewal(false)
  read(@Session() session: Session): object {
    return { secondsLeft: secondsLeft(session) };
  }

  @Post()
  @HttpCode(200)
  renew(@Session() session: Session): object {
    return { secondsLeft: secondsLeft(session.touch()) };
  }

  /** The same for a browser without scripts, which comes back to the page that it was on. */
  @Post('form')
  @Redirect('/', 303)
  renewByForm(@Session() session: Session, @Body() form: unknown): { url: string } {
    session.touch().flash('success', 'You stay signed in.');
    return { url: localPath(fieldOf(form, 'next')) };
  }
}
