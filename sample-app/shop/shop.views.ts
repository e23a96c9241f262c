import type { Session } from 'nestjs-mikro-session';
import { html, type Html } from '../views/html.js';
import { page } from '../views/page.js';
import { type CartLine, linesOf, MOST, totalOf } from './cart.js';
import { type Product, PRODUCTS } from './products.js';

const PRICE = new Intl.NumberFormat('en-IE', { style: 'currency', currency: 'EUR' });

export function productsPage(session: Session): string {
  return page(
    'Products',
    session,
    html`<h1>Things for your desk</h1>
      <ul class="products">
        ${Array.from(PRODUCTS.values(), productItem)}
      </ul>`,
  );
}

export function cartPage(session: Session): string {
  const lines = linesOf(session.data.cart);
  return page(
    'Cart',
    session,
    html`<h1>Your cart</h1>
      ${lines.length > 0 ? cartTable(lines) : emptyCart()}`,
  );
}

function productItem({ id, name, text, cents, colour, drawing }: Product): Html {
  return html`<li class="panel product">
    ${picture(colour, drawing)}
    <h2>${name}</h2>
    <p class="muted">${text}</p>
    <form method="post" action="/cart/add">
      <input type="hidden" name="product" value="${id}" />
      <strong>${price(cents)}</strong>
      <button aria-label="Add to cart: ${name}">Add to cart</button>
    </form>
  </li>`;
}

function picture(colour: string, drawing: Html): Html {
  return html`<svg viewBox="-3 -3 30 30" aria-hidden="true">
    <rect x="-100" y="-3" width="224" height="30" fill="${colour}" />
    <g fill="none" stroke="#33403a" stroke-linejoin="round" stroke-linecap="round">${drawing}</g>
  </svg>`;
}

function cartTable(lines: readonly CartLine[]): Html {
  return html`<table class="panel cart">
    <thead>
      <tr>
        <th>Product</th>
        <th>Quantity</th>
        <th class="number">Price</th>
        <td></td>
      </tr>
    </thead>
    <tbody>
      ${lines.map(cartRow)}
    </tbody>
    <tfoot>
      <tr>
        <th colspan="2">Total</th>
        <td class="number"><strong>${price(totalOf(lines))}</strong></td>
        <td></td>
      </tr>
    </tfoot>
  </table>`;
}

function cartRow({ product, quantity, cents }: CartLine): Html {
  const id = html`<input type="hidden" name="product" value="${product.id}" />`;
  return html`<tr>
    <td>${product.name}</td>
    <td>
      <form method="post" action="/cart/change">
        ${id}
        <input
          name="quantity"
          type="number"
          min="0"
          max="${MOST}"
          value="${quantity}"
          aria-label="Quantity of ${product.name}"
        />
        <button class="quiet" aria-label="Change quantity of ${product.name}">Change</button>
      </form>
    </td>
    <td class="number">${price(cents)}</td>
    <td class="number">
      <form method="post" action="/cart/remove">
        ${id}<button class="link" aria-label="Remove ${product.name}">Remove</button>
      </form>
    </td>
  </tr>`;
}

function emptyCart(): Html {
  return html`<section class="panel">
    <p>There is nothing in it yet.</p>
    <p><a class="button" href="/">To the products</a></p>
  </section>`;
}

function price(cents: number): string {
  return PRICE.format(cents / 100);
}
