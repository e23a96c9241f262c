import { Controller, Get, Inject, Param, Post, Redirect, UseGuards } from '@nestjs/common';
import { Session, SessionGuard, SessionService } from 'nestjs-mikro-session';
import { Page } from '../views/page.decorator.js';
import { describeUserAgent, isPhone } from './user-agent.js';

@Controller('devices')
@UseGuards(SessionGuard)
export class DevicesController {
  readonly #sessions: SessionService;

  constructor(@Inject(SessionService) sessions: SessionService) {
    this.#sessions = sessions;
  }

  @Get()
  @Page('devices')
  async list(@Session() session: Session, @Session('userId') userId: string): Promise<object> {
    const devices = await this.#sessions.listForUser(userId);
    return {
      title: 'My devices',
      devices: devices.map(({ id, ip, userAgent, createdAt, authenticatedAt, lastAccessAt }) => ({
        id,
        userAgent,
        name: describeUserAgent(userAgent),
        isPhone: isPhone(userAgent),
        isHere: id === session.id,
        address: ip ?? 'Unknown address',
        signedInAt: authenticatedAt ?? createdAt,
        lastAccessAt,
      })),
    };
  }

  @Post(':id/sign-out')
  @Redirect('/devices', 303)
  async signOutThere(
    @Session() session: Session,
    @Session('userId') userId: string,
    @Param('id') id: string,
  ): Promise<void> {
    if (id.toLowerCase() === session.id) {
      session.flash('error', 'That is here; use “Sign out” instead.');
    } else if (await this.#sessions.revoke(id, { userId })) {
      session.flash('success', 'Signed out there.');
    } else {
      session.flash('error', 'You are not signed in there.');
    }
  }

  @Post('sign-out-others')
  @Redirect('/devices', 303)
  async signOutOthers(@Session() session: Session, @Session('userId') userId: string): Promise<void> {
    // Whoever has stolen the cookie of this session is not to stay either.
    await session.regenerate();
    const count = await this.#sessions.revokeAllForUser(userId, { except: session.id });
    session.flash('success', count === 1 ? 'Signed out on one other device.' : `Signed out on ${count} other devices.`);
  }
}
