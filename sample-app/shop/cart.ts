import { type Product, PRODUCTS } from './products.js';

/** How many of each product, by the product's id. */
export type Cart = Record<string, number>;

export interface CartLine {
  readonly product: Product;
  readonly quantity: number;
  readonly cents: number;
}

/** What is in a cart, in the order of the catalogue, and what it costs. */
export interface Bill {
  readonly lines: readonly CartLine[];
  readonly goods: number;
  readonly delivery: number;
  readonly total: number;
}

/** As much of one product as anybody may order. */
export const MOST = 99;

const DELIVERY = 490;
/** From here on, delivery is free. In cents. */
const FREE_FROM = 5000;

export function setQuantity(cart: Cart, product: Product, quantity: number): void {
  if (quantity > 0) cart[product.id] = Math.min(quantity, MOST);
  else delete cart[product.id];
}

export function billOf(cart: Cart = {}): Bill {
  const lines = [...PRODUCTS.values()]
    .map((product) => ({ product, quantity: cart[product.id] ?? 0 }))
    .filter(({ quantity }) => quantity > 0)
    .map((line) => ({ ...line, cents: line.quantity * line.product.cents }));
  const goods = lines.reduce((sum, { cents }) => sum + cents, 0);
  const delivery = goods === 0 || goods >= FREE_FROM ? 0 : DELIVERY;
  return { lines, goods, delivery, total: goods + delivery };
}

export function itemCount(cart?: Cart): number {
  return billOf(cart).lines.reduce((sum, { quantity }) => sum + quantity, 0);
}
