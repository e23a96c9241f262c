import { type Product, PRODUCTS } from './products.js';

/** How many of each product, by the product's id. */
export type Cart = Record<string, number>;

export interface CartLine {
  readonly product: Product;
  readonly quantity: number;
  readonly cents: number;
}

/** As much of one product as anybody may order. */
export const MOST = 99;

export function setQuantity(cart: Cart, product: Product, quantity: number): void {
  if (quantity > 0) cart[product.id] = Math.min(quantity, MOST);
  else delete cart[product.id];
}

/** What is in a cart, in the order of the catalogue. */
export function linesOf(cart: Cart = {}): CartLine[] {
  return [...PRODUCTS.values()]
    .map((product) => ({ product, quantity: cart[product.id] ?? 0 }))
    .filter(({ quantity }) => quantity > 0)
    .map((line) => ({ ...line, cents: line.quantity * line.product.cents }));
}

export function totalOf(lines: readonly CartLine[]): number {
  return lines.reduce((sum, { cents }) => sum + cents, 0);
}

export function itemCount(cart?: Cart): number {
  return linesOf(cart).reduce((sum, { quantity }) => sum + quantity, 0);
}
