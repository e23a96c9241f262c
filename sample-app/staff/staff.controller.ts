import { Controller, Get, Inject, NotFoundException, Param, Post, Redirect } from '@nestjs/common';
import { Authorize, Session, SessionService } from 'nestjs-mikro-session';
import { STAFF, UserDirectory } from '../account/users.js';
import { OrderBook } from '../shop/orders.js';
import { Page } from '../views/page.decorator.js';

/** For users with the role; others get 403, and visitors who are not signed in are asked to sign in. */
@Controller('staff')
@Authorize({ roles: [STAFF] })
export class StaffController {
  readonly #users: UserDirectory;
  readonly #orders: OrderBook;
  readonly #sessions: SessionService;

  constructor(
    @Inject(UserDirectory) users: UserDirectory,
    @Inject(OrderBook) orders: OrderBook,
    @Inject(SessionService) sessions: SessionService,
  ) {
    this.#users = users;
    this.#orders = orders;
    this.#sessions = sessions;
  }

  @Get()
  @Page('staff')
  async overview(): Promise<object> {
    const customers = this.#users.all.map(async (user) => {
      const devices = await this.#sessions.listForUser(user.id);
      return { ...user, devices: devices.length, orders: this.#orders.of(user.id).length };
    });
    return {
      title: 'Staff',
      role: STAFF,
      liveSessions: await this.#sessions.count(),
      customers: await Promise.all(customers),
      orders: this.#orders.all,
    };
  }

  /** Takes effect with the customer's next click. Spares the session that asks for it. */
  @Post('customers/:id/sign-out')
  @Redirect('/staff', 303)
  async signOut(@Session() session: Session, @Param('id') id: string): Promise<void> {
    const user = this.#users.all.find((one) => one.id === id);
    if (user === undefined) throw new NotFoundException();
    const count = await this.#sessions.revokeAllForUser(id, { except: session.id });
    session.flash('success', `${user.name}: signed out on ${count === 1 ? 'one device' : `${count} devices`}.`);
  }
}
