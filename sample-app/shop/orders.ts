import { Injectable } from '@nestjs/common';
import type { Bill } from './cart.js';

export interface Delivery {
  readonly name: string;
  readonly street: string;
  readonly town: string;
}

export interface Order {
  readonly number: number;
  readonly userId: string;
  readonly at: Date;
  readonly bill: Bill;
  readonly delivery: Delivery;
}

/** What was ordered, the newest first. A real shop keeps its orders in a table. */
@Injectable()
export class OrderBook {
  #orders: readonly Order[] = [];

  get all(): readonly Order[] {
    return this.#orders;
  }

  of(userId: string): readonly Order[] {
    return this.#orders.filter((order) => order.userId === userId);
  }

  place(userId: string, bill: Bill, delivery: Delivery): Order {
    const order = { number: 1001 + this.#orders.length, userId, at: new Date(), bill, delivery };
    this.#orders = [order, ...this.#orders];
    return order;
  }
}
