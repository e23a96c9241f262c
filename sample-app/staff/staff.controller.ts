import { Controller, Get, Inject } from '@nestjs/common';
import { Authorize, Session, SessionService } from 'nestjs-mikro-session';
import { STAFF } from '../account/users.js';
import { staffPage } from './staff.views.js';

/** For users with the role; others get 403, and visitors who are not signed in are asked to sign in. */
@Controller('staff')
@Authorize({ roles: [STAFF] })
export class StaffController {
  readonly #sessions: SessionService;

  constructor(@Inject(SessionService) sessions: SessionService) {
    this.#sessions = sessions;
  }

  @Get()
  async overview(@Session() session: Session): Promise<string> {
    return staffPage(session, await this.#sessions.count());
  }
}
