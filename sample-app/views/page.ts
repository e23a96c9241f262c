import type { FlashMessage, Session } from 'nestjs-mikro-session';
import { STAFF } from '../account/users.js';
import { itemCount } from '../shop/cart.js';
import { html, type Html } from './html.js';

const CATEGORIES = ['success', 'info', 'warning', 'error'];

/** A whole page, with the visitor's menu and flash messages. */
export function page(title: string, session: Session, content: Html): string {
  return layout(title, session, html`${session.flashes().map(flash)} ${content}`);
}

/** The same without flash messages, which wait for the next page; without a session, only what all visitors see. */
export function layout(title: string, session: Session | null, content: Html): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title} – Corner Shop</title>
        <link rel="stylesheet" href="/style.css" />
      </head>
      <body>
        <header>
          <nav>
            <a class="brand" href="/">Corner Shop</a>
            ${session === null ? html`<a href="/cart">Cart</a>` : menu(session)}
          </nav>
        </header>
        <main>${content}</main>
        <footer>A sample app of nestjs-mikro-session</footer>
      </body>
    </html>`.toString();
}

function menu(session: Session): Html {
  const count = itemCount(session.data.cart);
  return html`<a href="/cart">Cart${count > 0 && html` <span class="badge">${count}</span>`}</a> ${
      session.isAuthenticated
        ? html`<a href="/profile">${nameOf(session)}</a>
            ${session.avatar.hasRole(STAFF) && html`<a href="/staff">Staff</a>`}
            <a href="/devices">Devices</a>
            <form method="post" action="/logout"><button class="link">Sign out</button></form>`
        : html`<a href="/login">Sign in</a>`
    }`;
}

export function nameOf(session: Session): string {
  return session.auth?.name ?? 'Somebody';
}

function flash({ category, message }: FlashMessage): Html {
  const style = CATEGORIES.includes(category) ? category : 'info';
  return html`<p class="flash ${style}" role="status">${String(message)}</p>`;
}
