import { Controller, Get, Inject, Param, Post, Redirect, UseGuards } from '@nestjs/common';
import { Session, SessionGuard, SessionService } from 'nestjs-mikro-session';
import { devicesPage } from './devices.views.js';

@Controller('devices')
@UseGuards(SessionGuard)
export class DevicesController {
  readonly #sessions: SessionService;

  constructor(@Inject(SessionService) sessions: SessionService) {
    this.#sessions = sessions;
  }

  @Get()
  async list(@Session() session: Session, @Session('userId') userId: string): Promise<string> {
    return devicesPage(session, await this.#sessions.listForUser(userId));
  }

  @Post(':id/sign-out')
  @Redirect('/devices', 303)
  async signOutThere(@Session() session: Session, @Param('id') id: string): Promise<void> {
    const other = await this.#sessions.find(id);
    if (other === null || other.userId !== session.userId) {
      session.flash('error', 'You are not signed in there.');
    } else if (other.id === session.id) {
      session.flash('error', 'That is here; use “Sign out” instead.');
    } else {
      await this.#sessions.revoke(other.id);
      session.flash('success', 'Signed out there.');
    }
  }

  @Post('sign-out-others')
  @Redirect('/devices', 303)
  async signOutOthers(@Session() session: Session, @Session('userId') userId: string): Promise<void> {
    const count = await this.#sessions.revokeAllForUser(userId, { except: session.id });
    session.flash('success', count === 1 ? 'Signed out on one other device.' : `Signed out on ${count} other devices.`);
  }
}
