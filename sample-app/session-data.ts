import type { Cart } from './shop/cart.js';
import type { Delivery } from './shop/orders.js';

declare module 'nestjs-mikro-session' {
  interface SessionData {
    cart: Cart;
    /** Where the last order went, or the next one is to go. */
    delivery: Delivery;
    failedLogins: number;
  }

  interface AuthSnapshot {
    readonly name?: string;
    /** Whether the user asked to be remembered on this device. */
    readonly isRemembered?: boolean;
  }
}
