import { Body, Controller, Get, Inject, NotFoundException, Param, Post, Redirect, UseGuards } from '@nestjs/common';
import { Session, SessionGuard } from 'nestjs-mikro-session';
import { fieldOf } from '../views/forms.js';
import { Page } from '../views/page.decorator.js';
import { nameOf } from '../views/visitor.js';
import { billOf } from './cart.js';
import { type Delivery, OrderBook } from './orders.js';

/** Only for users who are signed in. The cart that they filled before is still there: `login()` keeps a visitor's data. */
@Controller()
@UseGuards(SessionGuard)
export class OrdersController {
  readonly #orders: OrderBook;

  constructor(@Inject(OrderBook) orders: OrderBook) {
    this.#orders = orders;
  }

  @Get('checkout')
  @Page('checkout')
  checkout(@Session() session: Session): object {
    return {
      title: 'Checkout',
      bill: billOf(session.data.cart),
      delivery: session.data.delivery ?? { name: nameOf(session), street: '', town: '' },
    };
  }

  @Post('checkout')
  @Redirect('/checkout', 303)
  async order(
    @Session() session: Session,
    @Session('userId') userId: string,
    @Body() form: unknown,
  ): Promise<{ url: string } | undefined> {
    const delivery = deliveryOf(form);
    // For the form, when it is shown next.
    session.data.delivery = delivery;
    if (Object.values(delivery).includes('')) {
      session.flash('error', 'Where to? Please fill in name, street and town.');
      return undefined;
    }
    // Taken out under the lock of the session's row: of two clicks, the second one finds an empty cart.
    const bill = await session.update((data) => {
      const taken = billOf(data.cart);
      delete data.cart;
      return taken;
    });
    if (bill.lines.length === 0) {
      session.flash('warning', 'Your cart was empty, so nothing was ordered.');
      return { url: '/profile' };
    }
    const { number } = this.#orders.place(userId, bill, delivery);
    session.flash('success', 'Thank you! Your order is on its way.');
    return { url: `/orders/${number}` };
  }

  @Get('orders/:number')
  @Page('order')
  show(@Session('userId') userId: string, @Param('number') number: string): object {
    const order = this.#orders.of(userId).find((one) => String(one.number) === number);
    if (order === undefined) throw new NotFoundException();
    return { title: `Order ${number}`, order };
  }
}

function deliveryOf(form: unknown): Delivery {
  const field = (name: string): string => fieldOf(form, name).trim().slice(0, 100);
  return { name: field('name'), street: field('street'), town: field('town') };
}
