import type { Cart } from './shop/cart.js';

declare module 'nestjs-mikro-session' {
  interface SessionData {
    cart: Cart;
    failedLogins: number;
  }

  interface AuthSnapshot {
    readonly name?: string;
  }
}
